import type { Care, ChoreTask } from "@afterpatch/controller/rollouts/chores";
import type { Last } from "@afterpatch/core/rollout/care";
import type { ChoreResult } from "@afterpatch/core/rollout/chores";

/** Hooks and checks that end when, and as, a test says. */
export class HandCare implements Care {
  readonly #waiting = new Map<string, (result: ChoreResult) => void>();
  /** `PHASE HOST` of all that was begun, in its order. */
  readonly begun: string[] = [];

  carryOut({ host, phase }: ChoreTask): Promise<ChoreResult> {
    const key = `${phase} ${host.name}`;
    this.begun.push(key);
    const { promise, resolve } = Promise.withResolvers<ChoreResult>();
    this.#waiting.set(key, resolve);
    return promise;
  }

  /** `PHASE HOST` ends. `why`: what went wrong, or null. Resolves when the controller has heard of it. */
  async ends(key: string, why: string | null = null, comesLast: Last | null = null): Promise<void> {
    const resolve = this.#waiting.get(key);
    if (!resolve) throw new Error(`${key} is not under way; begun were ${this.begun.join(", ")}`);
    this.#waiting.delete(key);
    resolve({ why, baseline: null, ...(comesLast === null ? {} : { comesLast }) });
    await new Promise((settled) => setImmediate(settled));
  }
}

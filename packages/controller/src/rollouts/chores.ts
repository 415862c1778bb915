import type { Phase } from "@afterpatch/core/rollout/care";
import { type Chore, type ChoreResult, choreOf } from "@afterpatch/core/rollout/chores";
import type { HostInRollout, RolloutView } from "@afterpatch/core/rollout/types";

export interface ChoreTask {
  readonly rolloutId: string;
  readonly host: Pick<HostInRollout, "hostId" | "name">;
  readonly phase: Phase;
  readonly chore: Chore;
}

/** Carries out what the controller does around a host: checks and hooks. Passed in, so that the simulator can replace it. */
export interface Care {
  /** Ends by itself within the times of its checks and hooks, and soon after `signal`. */
  carryOut(task: ChoreTask, signal: AbortSignal): Promise<ChoreResult>;
}

/**
 * Called with what came of a chore, to store it; never rejects. `release` lets it begin anew: to be called where nobody
 * looks at the rollout meanwhile, for its end and the next look are one piece of work.
 */
type Ended = (task: ChoreTask, result: ChoreResult, release: () => void) => Promise<void>;

/**
 * Chores of the open rollouts that are under way in this run of the controller. Which there are to be follows from the
 * stored events alone; one whose end could not be stored is carried out again.
 */
export class Chores {
  readonly #care: Care;
  readonly #ended: Ended;
  readonly #running = new Set<string>();
  readonly #stop = new AbortController();

  constructor(care: Care, ended: Ended) {
    this.#care = care;
    this.#ended = ended;
  }

  /** Begins what is to be done around the hosts of a rollout and is not under way yet. */
  follow(view: RolloutView): void {
    if (this.#stop.signal.aborted) return;
    for (const host of view.hosts) {
      const { phase } = host.care;
      const chore = choreOf(view, host);
      if (phase === null || chore === null) continue;
      const { hostId, name } = host;
      const key = `${view.plan.id} ${hostId} ${phase}`;
      if (this.#running.has(key)) continue;
      this.#running.add(key);
      void this.#run({ rolloutId: view.plan.id, host: { hostId, name }, phase, chore }, key);
    }
  }

  /** What is under way is cut off, and forgotten: the next run of the controller begins it anew. */
  stop(): void {
    this.#stop.abort();
  }

  async #run(task: ChoreTask, key: string): Promise<void> {
    let result: ChoreResult;
    try {
      result = await this.#care.carryOut(task, this.#stop.signal);
    } catch (error) {
      result = { why: error instanceof Error ? error.message : String(error), baseline: null };
    }
    if (this.#stop.signal.aborted) return;
    await this.#ended(task, result, () => this.#running.delete(key));
  }
}

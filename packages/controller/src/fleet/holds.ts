import type { Hold, Holds } from "@afterpatch/core/rollout/holds";
import type { Clock } from "../ports.ts";
import type { By } from "../store/audit.ts";
import type { HoldStore } from "../store/holds.ts";

/** What people hold back, as the store has it. A change is in the store before anybody is told of it. */
export class HoldRegister {
  readonly #store: HoldStore;
  readonly #clock: Clock;
  readonly #cordons = new Map<string, Hold>();
  #freeze: Hold | null = null;

  constructor(store: HoldStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** Before anything asks what is held. */
  async load(): Promise<void> {
    for (const [hostId, hold] of await this.#store.cordons()) this.#cordons.set(hostId, hold);
    this.#freeze = await this.#store.freeze();
  }

  /** Those in effect now. */
  now(): Holds {
    const at = this.#clock.now();
    const cordons = new Map([...this.#cordons].filter(([, hold]) => isInEffect(hold, at)));
    const freeze = this.#freeze !== null && isInEffect(this.#freeze, at) ? this.#freeze : null;
    return { cordons, freeze };
  }

  async cordon(hostIds: readonly string[], hold: Hold): Promise<void> {
    await this.#store.cordon(hostIds, hold);
    for (const hostId of hostIds) this.#cordons.set(hostId, hold);
  }

  async uncordon(hostIds: readonly string[], by: By): Promise<void> {
    await this.#store.uncordon(hostIds, by);
    for (const hostId of hostIds) this.#cordons.delete(hostId);
  }

  /** Null: nothing is frozen any more. */
  async setFreeze(hold: Hold | null, by: By): Promise<void> {
    await this.#store.setFreeze(hold, by);
    this.#freeze = hold;
  }
}

function isInEffect({ until }: Hold, at: number): boolean {
  return until === null || at < until;
}

import { type Measured, measuredIn } from "@afterpatch/core/rollout/forecast";
import { isClosed } from "@afterpatch/core/rollout/transitions";
import type { RolloutStore } from "../store/rollout-store.ts";
import { viewOf } from "./stored.ts";

/** So many rollouts are looked back over: hosts and their units change. */
const LOOKED_BACK = 20;

/** How long hosts were in hand in the last rollouts. What has ended is read from the store once. */
export class Durations {
  readonly #store: Pick<RolloutStore, "recent">;
  #known = new Map<string, readonly Measured[]>();

  constructor(store: Pick<RolloutStore, "recent">) {
    this.#store = store;
  }

  /** Newest first. Rejects when the store does. */
  async last(): Promise<readonly Measured[]> {
    const known = new Map<string, readonly Measured[]>();
    const all: Measured[] = [];
    for (const stored of await this.#store.recent(LOOKED_BACK)) {
      const { id } = stored.plan;
      const before = this.#known.get(id);
      const view = before ? null : viewOf(stored);
      const measured = before ?? (view ? measuredIn(view) : []);
      if (view === null || isClosed(view.state)) known.set(id, measured);
      all.push(...measured);
    }
    this.#known = known;
    return all;
  }
}

import { isClosed } from "@afterpatch/core/rollout/transitions";
import type { RolloutView } from "@afterpatch/core/rollout/types";

type Watcher = (view: RolloutView) => void;

/** Who wants to hear of a rollout's changes, and why each one waits just now. */
export class Watchers {
  readonly #watchers = new Map<string, Set<Watcher>>();
  readonly #waits = new Map<string, readonly string[]>();

  /** Calls `watcher` after each change until the returned function is called. */
  add(rolloutId: string, watcher: Watcher): () => void {
    const watchers = this.#watchers.get(rolloutId) ?? new Set();
    this.#watchers.set(rolloutId, watchers.add(watcher));
    return () => {
      watchers.delete(watcher);
      if (watchers.size === 0) this.#watchers.delete(rolloutId);
    };
  }

  /** Tells that the rollout has changed. */
  tell(view: RolloutView): void {
    if (isClosed(view.state)) this.#waits.delete(view.plan.id);
    for (const watcher of this.#watchers.get(view.plan.id) ?? []) watcher(this.explained(view));
  }

  /** Notes why nothing more is done, and tells it where that is news. */
  wait(view: RolloutView, waits: readonly string[]): void {
    if (this.#waits.get(view.plan.id)?.join() === waits.join()) return;
    this.#waits.set(view.plan.id, waits);
    this.tell(view);
  }

  /** The rollout with what it waits for, where it says nothing else. */
  explained(view: RolloutView): RolloutView {
    const waits = this.#waits.get(view.plan.id) ?? [];
    return view.why === "" && waits.length > 0 ? { ...view, why: waits.join("; ") } : view;
  }
}

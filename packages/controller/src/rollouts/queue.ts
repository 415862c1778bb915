import type { RolloutEvent } from "@afterpatch/core/rollout/event";
import type { RolloutPlan } from "@afterpatch/core/rollout/types";
import type { Log } from "../ports.ts";

/** What a rollout that waited is by the fleet of now. */
export type Replanned =
  | { readonly kind: "planned"; readonly plan: RolloutPlan }
  /** Hosts may be coming back still: it is asked again soon. */
  | { readonly kind: "wait"; readonly why: string }
  /** It would do more than was ordered, or nothing can be planned by it any more. */
  | { readonly kind: "refused"; readonly why: string };

/** Plans a stored rollout anew. Passed in: it asks hosts for scans. Rejects when the store does. */
export type Replans = (plan: RolloutPlan) => Promise<Replanned>;

/** What becomes of a rollout that waited. */
export function eventsOf(replanned: Exclude<Replanned, { kind: "wait" }>, at: number): readonly RolloutEvent[] {
  if (replanned.kind === "refused") return [{ type: "closed", at, state: "aborted", why: replanned.why }];
  return [
    { type: "replanned", at, plan: replanned.plan },
    { type: "started", at },
  ];
}

/** Rollouts that waited for hosts and are being planned anew, each once at a time. */
export class Queue {
  readonly #replans: Replans;
  readonly #ended: (rolloutId: string, replanned: Replanned) => Promise<void>;
  readonly #log: Log;
  readonly #running = new Set<string>();

  /** `ended` is called with what came of each. */
  constructor(replans: Replans, ended: (rolloutId: string, replanned: Replanned) => Promise<void>, log: Log) {
    this.#replans = replans;
    this.#ended = ended;
    this.#log = log;
  }

  begin(plan: RolloutPlan): void {
    if (this.#running.has(plan.id)) return;
    this.#running.add(plan.id);
    void this.#run(plan);
  }

  async #run(plan: RolloutPlan): Promise<void> {
    try {
      const replanned = await this.#replans(plan);
      this.#running.delete(plan.id);
      await this.#ended(plan.id, replanned);
    } catch (err) {
      this.#running.delete(plan.id);
      this.#log.error({ err, rollout: plan.id }, "rollout that waited not planned anew"); // the next look tries again
    }
  }
}

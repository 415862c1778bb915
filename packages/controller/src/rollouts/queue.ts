import type { RolloutEvent } from "@afterpatch/core/rollout/event";
import type { RolloutPlan, RolloutView } from "@afterpatch/core/rollout/types";
import type { Clock, Log } from "../ports.ts";
import { heldBy } from "./held.ts";
import type { OpenRollouts } from "./open-rollouts.ts";

/** What a rollout that waited is by the fleet of now. */
export type Replanned =
  | { readonly kind: "planned"; readonly plan: RolloutPlan }
  /** Hosts may be coming back still: it is asked again soon. */
  | { readonly kind: "wait"; readonly why: string }
  /** It would do more than was ordered, or nothing can be planned by it any more. */
  | { readonly kind: "refused"; readonly why: string };

/** Plans a stored rollout anew. Passed in: it asks hosts for scans. Rejects when the store does. */
export type Replans = (plan: RolloutPlan) => Promise<Replanned>;

/** How soon it is asked again whether a rollout can begin, milliseconds. */
const LOOK_AGAIN_MS = 10_000;

export interface QueueDeps {
  readonly replans: Replans;
  readonly rollouts: OpenRollouts;
  readonly clock: Clock;
  readonly log: Log;
  /** Runs a change of rollouts where no other overlaps it, unless the controller stops, and looks at all of them. */
  readonly amid: (change: () => Promise<void>) => Promise<void>;
}

/** Rollouts that wait for hosts of others; each is planned anew before it begins, once at a time. */
export class Queue {
  readonly #deps: QueueDeps;
  readonly #running = new Set<string>();
  /** When one is asked again at the earliest, of the steady clock. */
  readonly #againAt = new Map<string, number>();

  constructor(deps: QueueDeps) {
    this.#deps = deps;
  }

  /** Has it planned anew once no other rollout has its hosts; returns when to look again. */
  look(view: RolloutView): number | null {
    const { rollouts, clock } = this.#deps;
    const held = heldBy(rollouts.all(), view.plan);
    if (held !== null) {
      rollouts.wait(view, [`waits for its hosts: ${held}`]);
      return null;
    }
    const now = clock.steady();
    const againAt = this.#againAt.get(view.plan.id) ?? now;
    if (now < againAt) return againAt;
    this.#againAt.set(view.plan.id, now + LOOK_AGAIN_MS);
    this.#begin(view.plan);
    return now + LOOK_AGAIN_MS;
  }

  #begin(plan: RolloutPlan): void {
    if (this.#running.has(plan.id)) return;
    this.#running.add(plan.id);
    void this.#run(plan);
  }

  async #run(plan: RolloutPlan): Promise<void> {
    const { replans, amid, log } = this.#deps;
    try {
      const replanned = await replans(plan);
      this.#running.delete(plan.id);
      await amid(() => this.#replanned(plan.id, replanned));
    } catch (err) {
      this.#running.delete(plan.id);
      log.error({ err, rollout: plan.id }, "rollout that waited not planned anew"); // a later look tries again
    }
  }

  async #replanned(rolloutId: string, replanned: Replanned): Promise<void> {
    const { rollouts, clock } = this.#deps;
    const view = rollouts.get(rolloutId);
    if (view?.state !== "planned") return;
    if (replanned.kind === "wait") return rollouts.wait(view, [replanned.why]);
    // There may be work now on hosts that had none, and they may be another's.
    const held = replanned.kind === "planned" ? heldBy(rollouts.all(), replanned.plan) : null;
    if (held !== null) return rollouts.wait(view, [`waits for its hosts: ${held}`]);
    this.#againAt.delete(rolloutId);
    let after = view;
    for (const event of eventsOf(replanned, clock.now())) after = await rollouts.append(after, event);
  }
}

/** What becomes of a rollout that waited. */
function eventsOf(replanned: Exclude<Replanned, { kind: "wait" }>, at: number): readonly RolloutEvent[] {
  if (replanned.kind === "refused") return [{ type: "closed", at, state: "aborted", why: replanned.why }];
  return [
    { type: "replanned", at, plan: replanned.plan },
    { type: "started", at },
  ];
}

import type { WriteOff } from "./write-off.ts";
import type { RolloutEvent } from "./event.ts";
import type { RolloutView } from "./types.ts";

// A host that failed, or was lost with a permit, serves nobody as far as is known. Budgets count it until it has proved
// itself or a person writes it off, also when the rollout in which that came about has long ended.

/** Why a host counts as unavailable though nobody has it in hand. */
export interface Charge {
  readonly hostId: string;
  readonly rolloutId: string;
  /** Epoch milliseconds of the controller's clock. */
  readonly since: number;
  readonly why: string;
}

export type ChargeChange =
  | { readonly kind: "charge"; readonly charge: Charge }
  | { readonly kind: "write-off"; readonly writeOff: WriteOff }
  /** It has proved itself: neither charged nor written off any more. */
  | { readonly kind: "clear"; readonly hostId: string };

/** What an event changes in the register of charges; null: nothing. `view`: the rollout after the event. */
export function chargeChange({ plan, hosts }: RolloutView, event: RolloutEvent): ChargeChange | null {
  switch (event.type) {
    case "ended":
      if (event.state !== "failed") return { kind: "clear", hostId: event.hostId };
      return charged(plan.id, event.hostId, event.at, event.reason);
    case "left": {
      const { hostId, at, outcome, isDrained } = event;
      if (outcome.state === "failed" || isDrained) return charged(plan.id, hostId, at, outcome.reason);
      return outcome.state === "done" || outcome.state === "done-with-residue" ? { kind: "clear", hostId } : null;
    }
    case "unreachable": {
      // One that was away before it was permitted is charged for as long as it is away, and no longer.
      const isOurs = hosts.some(({ hostId, permit }) => hostId === event.hostId && permit !== null);
      return isOurs ? charged(plan.id, event.hostId, event.at, event.why) : null;
    }
    case "written-off": {
      const { hostId, actor, why: reason, at: since } = event;
      return { kind: "write-off", writeOff: { hostId, rolloutId: plan.id, actor, reason, since } };
    }
    default:
      return null;
  }
}

function charged(rolloutId: string, hostId: string, since: number, why: string): ChargeChange {
  return { kind: "charge", charge: { hostId, rolloutId, since, why } };
}

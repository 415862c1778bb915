import { someOf } from "@afterpatch/core/text";
import type { RolloutPlan } from "@afterpatch/core/rollout/types";
import { freeze } from "./freeze.ts";
import { type FleetOrder, type FleetPlan, type FleetPlanned, type PlanFleetDeps, planFleet } from "./plan-fleet.ts";
import type { Replanned, Replans } from "./queue.ts";
import { newIn } from "./shown-plans.ts";

/**
 * Plans a rollout that waited by the order that it was made of, when its hosts are free. `orderOf` reads that order and
 * throws where it cannot. It is held against what was shown when it was ordered: what vanished is fine.
 */
export function replanner(deps: PlanFleetDeps, orderOf: (plan: RolloutPlan) => FleetOrder): Replans {
  return async (plan) => {
    let order: FleetOrder;
    try {
      order = orderOf(plan);
    } catch (error) {
      return { kind: "refused", why: error instanceof Error ? error.message : String(error) };
    }
    const among = [
      ...plan.hosts.map(({ hostId, name }) => ({ hostId, name })),
      ...plan.uncovered.map(({ name }) => ({ hostId: null, name })),
    ];
    const planned = await planFleet(deps, { ...order, among });
    if (planned.kind !== "planned")
      return { kind: "refused", why: `it cannot be planned any more: ${whyNot(planned)}` };
    const { comingBack } = planned;
    if (comingBack !== null) return { kind: "wait", why: `${comingBack.hosts} hosts may be coming back still` };
    return replanned(plan, planned.plan);
  };
}

function replanned(plan: RolloutPlan, fresh: FleetPlan): Replanned {
  const news = plan.allowNew ? [] : newIn(plan, fresh);
  if (news.length === 0) return { kind: "planned", plan: freeze(fresh, plan, plan.timing) };
  return {
    kind: "refused",
    why: `stale: once its hosts were free there was more to do than was planned: ${someOf(news)}`,
  };
}

function whyNot(planned: Exclude<FleetPlanned, { kind: "planned" }>): string {
  if ("why" in planned) return planned.why;
  if (planned.kind === "unmatched") return "a term of its pattern matches nothing";
  return planned.shaped.kind === "refused" ? planned.shaped.why : `${planned.shaped.pattern} matches nothing`;
}

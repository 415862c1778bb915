import type { Step } from "@afterpatch/core/plan/types";
import type { pb } from "@afterpatch/wire/messages";
import type { ComingBack, FleetPlan, PlannedHost } from "../rollouts/plan-fleet.ts";

type WirePlan = Omit<
  ReturnType<typeof pb.v1.PlanFleetResponse.decode>,
  "plannedAt" | "actor" | "forecast" | "budgets" | "fleetHosts"
>;

/** Waves, and hosts in the order in which they are permitted; one wave of all where there is no file. */
export function planToWire(plan: FleetPlan, comingBack: ComingBack | null): WirePlan {
  const uncovered = plan.uncovered.map((one) => ({ ...one }));
  const waves = (
    plan.shape?.waves ?? [{ name: "all", hostIds: plan.hosts.map(({ host }) => host.id), ramp: plan.ramp }]
  ).map(({ name, hostIds, ramp, ...rest }) => ({
    name,
    hosts: plan.hosts.filter(({ host }) => hostIds.includes(host.id)).map(hostToWire),
    ramp: [...ramp],
    after: "after" in rest ? [...rest.after] : [],
    bakeMs: "bakeMs" in rest ? rest.bakeMs : 0,
    isApproved: "isApproved" in rest && rest.isApproved,
  }));
  const reached = plan.reached && { notEnrolled: [...plan.reached.notEnrolled], notes: [...plan.reached.notes] };
  return { digest: plan.digest, waves, uncovered, ramp: [...plan.ramp], comingBack, care: careToWire(plan), reached };
}

/** Null: nothing is done around a host. */
function careToWire({ shape }: FleetPlan): NonNullable<WirePlan["care"]> | null {
  const { before = [], drain = null, after = [], undrain = null } = shape?.care ?? {};
  if (before.length + after.length === 0 && drain === null) return null;
  const names = (checks: typeof before) => checks.map(({ name }) => name);
  const line = (hook: typeof drain) => hook?.command.join(" ") ?? "";
  return { before: names(before), drain: line(drain), after: names(after), undrain: line(undrain) };
}

function hostToWire({ host, plan, reportedAt, unreadable }: PlannedHost) {
  const residue = plan.residue.map((entry) => `${entry.owner}: ${entry.reason}`);
  return { hostId: host.id, name: host.name, steps: plan.steps.map(stepToWire), residue, reportedAt, unreadable };
}

function stepToWire({ id, remedy, findings, because, insteadOf }: Step) {
  return { id, ...remedy, findings: [...findings], because, insteadOf: insteadOf.map((other) => ({ ...other })) };
}

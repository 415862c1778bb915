import type { RolloutSpec } from "@afterpatch/core/rollout-file/spec";
import type { RolloutPlan, RolloutTiming } from "@afterpatch/core/rollout/types";
import type { FleetPlan } from "./plan-fleet.ts";

/** Defaults of the contracts: grace 10 s, settle 10 s for units. */
export const DEFAULT_TIMING: RolloutTiming = {
  beginWithinMs: 60_000,
  deadlineMs: 15 * 60_000,
  unreachableAfterMs: 2 * 60_000,
  graceMs: 10_000,
  settleMs: 10_000,
};

/** Of a rollout's file, or the defaults. */
export function timingOf(spec: RolloutSpec | null): RolloutTiming {
  if (spec === null) return DEFAULT_TIMING;
  const unreachableAfterMs = spec.unreachable.kind === "wait" ? spec.unreachable.ms : DEFAULT_TIMING.unreachableAfterMs;
  return { ...spec.timing, unreachableAfterMs };
}

/** Makes a fleet plan into the frozen plan of a rollout. */
export function freeze(
  fleet: FleetPlan,
  order: Pick<
    RolloutPlan,
    | "id"
    | "name"
    | "reason"
    | "actor"
    | "createdAt"
    | "pattern"
    | "maxFail"
    | "allowNew"
    | "reboot"
    | "order"
    | "webhooks"
  >,
  timing: RolloutTiming,
): RolloutPlan {
  const hosts = fleet.hosts.map(({ host, plan, leave, digest, expectedKernel, runningKernel, holdsController }) => ({
    hostId: host.id,
    name: host.name,
    digest,
    steps: plan.steps.map(({ remedy: { kind, target } }) => ({ kind, target })),
    ...(leave.length > 0 ? { leave } : {}),
    residue: [...new Set(plan.residue.map((entry) => entry.owner))],
    expectedKernel,
    runningKernel,
    holdsController,
  }));
  const shape = fleet.shape === null ? {} : { shape: fleet.shape };
  return { ...order, ramp: fleet.ramp, digest: fleet.digest, hosts, uncovered: fleet.uncovered, timing, ...shape };
}

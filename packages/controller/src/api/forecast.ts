import { forecastOf, type Measured } from "@afterpatch/core/rollout/forecast";
import { openingsOf } from "@afterpatch/core/rollout/openings";
import type { RolloutSpec } from "@afterpatch/core/rollout-file/spec";
import { timingOf } from "../rollouts/freeze.ts";
import type { FleetPlan } from "../rollouts/plan-fleet.ts";

/** What a plan says of its time; null where there is nothing to do. `now`: of the controller's clock. */
export function forecastToWire(plan: FleetPlan, spec: RolloutSpec | null, measured: readonly Measured[], now: number) {
  const hosts = plan.hosts.map(({ host, plan: { steps } }) => ({ hostId: host.id, steps: steps.map((s) => s.remedy) }));
  const { ramp, reboot, shape } = plan;
  const waves = shape?.waves ?? null;
  const forecast = forecastOf({ hosts, ramp, reboot, waves, timing: timingOf(spec) }, measured);
  if (forecast.hosts.length === 0) return null;
  const window = windowFor(plan, forecast.hosts[0]?.ms ?? 0, now);
  const fits = window === null || forecast.totalMs <= window.until - Math.max(now, window.from);
  return {
    ...{ totalMs: forecast.totalMs, windowFrom: window?.from ?? 0, windowUntil: window?.until ?? 0, fits },
    waves: forecast.waves.map((wave) => ({ ...wave })),
    hosts: forecast.hosts.map((host) => ({ ...host })),
  };
}

/** The window that is open, or opens next; null: there is none, or none within a week. */
function windowFor(
  { shape }: FleetPlan,
  hostMs: number,
  now: number,
): { readonly from: number; readonly until: number } | null {
  if (!shape || shape.hours.windows.length === 0) return null;
  const { openUntil, next } = openingsOf(shape.hours, now, hostMs, 2);
  if (openUntil !== null) return { from: now, until: openUntil };
  // One in which nothing begins any more is not meant.
  return next.find(({ from }) => from > now) ?? null;
}

/** Every size of a budget as the integer that it became. */
export function budgetsToWire({ shape }: FleetPlan) {
  return (shape?.budgets ?? []).map(({ name, groups, maxGroups }) => ({
    name,
    maxGroups: maxGroups ?? 0,
    groups: groups.map(({ value, hostIds, most }) => ({ value, hosts: hostIds.length, most })),
  }));
}

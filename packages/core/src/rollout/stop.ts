import { formatDuration } from "../duration.ts";
import { UNCOUNTED } from "../rollout-file/spec.ts";
import { isLost } from "./batch.ts";
import { isAtRest, isInFlight } from "./transitions.ts";
import type { HostInRollout, RolloutView } from "./types.ts";

/** So many hosts have to have ended before a percentage of them means anything. */
const FEWEST_FOR_PERCENT = 10;

/** Failures so far, all kinds equal: failed, timed out, and unreachable after the permit; writing one off undoes no failure. */
export function failures(view: RolloutView): readonly HostInRollout[] {
  return view.hosts.filter((host) => hasFailed(view, host));
}

export function hasFailed({ plan }: RolloutView, host: HostInRollout): boolean {
  const isFailing = plan.shape?.unreachable === "fail";
  if (host.state === "written-off") return host.failedBefore === true;
  return host.state === "failed" || isLost(host) || (isFailing && host.state === "unreachable");
}

/** Why nothing new may begin any more, or null. `now` is of the clock that deadlines of permits are on. */
export function tripped(view: RolloutView, now: number): string | null {
  const stopped = view.hosts.flatMap(({ care }) => care.stops ?? [])[0];
  if (stopped !== undefined) return stopped;
  const failed = failures(view);
  if (failed.length > view.plan.maxFail) {
    const names = failed.map((host) => host.name).join(", ");
    return `${failed.length} failed (${names}), at most ${view.plan.maxFail} tolerated`;
  }
  const { maxFailPercent = null, progressDeadlineMs = null } = view.plan.shape ?? {};
  // A host whose drain failed never had a permit.
  const ended = view.hosts.filter(
    (host) => isAtRest(host.state) && (host.permit !== null || failed.includes(host)),
  ).length;
  // Where nothing else counts failures, the first of them are held against ten hosts.
  const base = view.plan.maxFail === UNCOUNTED ? Math.max(ended, FEWEST_FOR_PERCENT) : ended;
  if (maxFailPercent !== null && base >= FEWEST_FOR_PERCENT && failed.length * 100 > maxFailPercent * base) {
    return `${failed.length} of ${ended} failed, at most ${maxFailPercent}% tolerated`;
  }
  return progressDeadlineMs === null ? null : stuck(view, progressDeadlineMs, now);
}

/** All hosts in hand have been so for too long: one that ends lets another begin. */
function stuck(view: RolloutView, mostMs: number, now: number): string | null {
  const begun = view.hosts.flatMap(({ state, permit }) =>
    isInFlight(state) && permit ? [permit.beginBy - view.plan.timing.beginWithinMs] : [],
  );
  if (begun.length === 0 || now - Math.max(...begun) < mostMs) return null;
  return `no host was done within ${formatDuration(mostMs)}`;
}

/** When `tripped` has to be asked again even if nothing happens; null: never. */
export function stuckAt(view: RolloutView): number | null {
  const mostMs = view.plan.shape?.progressDeadlineMs ?? null;
  if (mostMs === null) return null;
  const begun = view.hosts.flatMap(({ state, permit }) =>
    isInFlight(state) && permit ? [permit.beginBy - view.plan.timing.beginWithinMs] : [],
  );
  return begun.length === 0 ? null : Math.max(...begun) + mostMs;
}

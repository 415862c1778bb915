import { formatDuration } from "../duration.ts";
import { isLost } from "./batch.ts";
import { isAtRest, isInFlight } from "./transitions.ts";
import type { HostInRollout, RolloutView } from "./types.ts";

/** So many hosts have to have ended before a percentage of them means anything. */
const FEWEST_FOR_PERCENT = 10;

/** Failures so far, all kinds equal: failed, timed out, and unreachable after the permit; writing one off undoes no failure. */
export function failures(view: RolloutView): readonly HostInRollout[] {
  const isFailing = view.plan.shape?.unreachable === "fail";
  return view.hosts.filter(
    (h) =>
      h.state === "failed" ||
      isLost(h) ||
      (isFailing && h.state === "unreachable") ||
      (h.state === "written-off" && h.permit !== null),
  );
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
  const ended = view.hosts.filter((host) => host.permit !== null && isAtRest(host.state)).length;
  if (maxFailPercent !== null && ended >= FEWEST_FOR_PERCENT && failed.length * 100 > maxFailPercent * ended) {
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

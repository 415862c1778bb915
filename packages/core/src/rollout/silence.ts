import { awayOf, isMoving, openBatches, stepsOf } from "./batch.ts";
import { givenBack, isInCare, isReady } from "./care.ts";
import type { Decision, FleetView } from "./next.ts";
import { isInFlight } from "./transitions.ts";
import type { HostInRollout, RolloutView } from "./types.ts";

/** Hosts whose silence has lasted too long, those that came back from it, and vetoes that are old enough to ask again. */
export function silentHosts(view: RolloutView, fleet: FleetView, now: number) {
  const policy = view.plan.shape?.unreachable ?? "wait";
  const mayTryAgain = triedAgain(view, now);
  const decisions: Decision[] = [];
  const times: number[] = [];
  const due = (at: number, decision: Decision) => (now >= at ? decisions.push(decision) : times.push(at));
  for (const host of view.hosts) {
    const { hostId } = host;
    const awaySince = awayOf(hostId, fleet);
    if (host.state === "permitted" && awaySince === null && host.permit) {
      due(host.permit.beginBy, { kind: "ask-again", hostId });
    }
    if (isReady(host) && awaySince !== null) due(awaySince + view.plan.timing.unreachableAfterMs, givenBack(host));
    if (isInFlight(host.state) && host.permit && !isInCare(host)) {
      // After a start of the controller hosts get time to come back with what they have done in the meantime.
      const at = Math.max(host.permit.endBy, fleet.listeningSince) + view.plan.timing.unreachableAfterMs;
      due(at, { kind: "unreachable", hostId, why: whySilent(view, host, awaySince !== null, now) });
    }
    if (host.state === "pending" && awaySince !== null && stepsOf(view, hostId) > 0) {
      const at = awaySince + view.plan.timing.unreachableAfterMs;
      due(at, { kind: policy === "skip" ? "skip" : "unreachable", hostId, why: "not connected" });
    }
    const mayReturn = host.state === "unreachable" && host.permit === null && policy === "wait";
    if (mayReturn && awaySince === null && view.state === "running") {
      decisions.push({ kind: "returned", hostId });
    }
    if (host.state === "vetoed" && host.againAt !== null && mayTryAgain(host)) {
      due(host.againAt, { kind: "try-again", hostId });
    }
  }
  return { decisions, wakeAt: times.length > 0 ? Math.min(...times) : null };
}

function whySilent(view: RolloutView, host: HostInRollout, isAway: boolean, now: number): string {
  const why = whyNoResult(view, host, isAway, now);
  return host.care.isDrained ? `${why}; it is out of service still` : why;
}

function whyNoResult(view: RolloutView, { state, permit }: HostInRollout, isAway: boolean, now: number): string {
  if (state !== "returning" || !isAway || !permit) return `no result by the permit's deadline (${state})`;
  // The latest moment at which it can have begun: no step does after the deadline.
  const begunBy = permit.endBy - view.plan.reboot.withinMs - view.plan.reboot.settleMs;
  return `not back ${Math.floor((now - begunBy) / 60_000)} min after its reboot began`;
}

/** So often a host that vetoes is tried at least; after that only as long as others are being worked on anyway. */
export const FEWEST_TRIES = 3;

export function isTriedEnough({ vetoes }: HostInRollout): boolean {
  return vetoes >= FEWEST_TRIES;
}

/** Which hosts that vetoed are tried again: hosts that only veto must not keep one another, and the rollout, alive. */
function triedAgain(view: RolloutView, now: number): (host: HostInRollout) => boolean {
  if (view.state !== "running") return () => false;
  const isBusy = openBatches(view, now).some(({ hosts }) =>
    hosts.some((host) => !isTriedEnough(host) && isMoving(host)),
  );
  return (host) => isBusy || !isTriedEnough(host);
}

import { abridged, someOf } from "../text.ts";
import { isAtRest, isClosed, isInFlight } from "./transitions.ts";
import type { HostInRollout, RolloutView } from "./types.ts";

/** What the controller knows of a host at this moment. */
export interface HostPresence {
  /** Null while its stream is open and it has answered this controller's epoch; else since when it is away. */
  readonly awaySince: number | null;
  readonly bootId: string;
}

export interface FleetView {
  /** Hosts never seen are missing. */
  readonly hosts: ReadonlyMap<string, HostPresence>;
  /** When this controller began to listen: nobody is away for longer than that as far as it knows. */
  readonly listeningSince: number;
}

/** Becomes an event in the store before it has an effect. */
export type StoredDecision =
  | { readonly kind: "permit"; readonly hostId: string; readonly bootId: string }
  | { readonly kind: "nothing-to-do"; readonly hostId: string; readonly residue: readonly string[] }
  | { readonly kind: "unreachable"; readonly hostId: string; readonly why: string }
  | { readonly kind: "returned"; readonly hostId: string }
  | { readonly kind: "try-again"; readonly hostId: string }
  | { readonly kind: "stop"; readonly why: string }
  | { readonly kind: "close"; readonly state: "halted" | "aborted" | "finished"; readonly why: string };

export type Decision =
  | StoredDecision
  /** The permit's time to begin has passed and the host has not said so: make it connect anew, its Hello tells. */
  | { readonly kind: "ask-again"; readonly hostId: string };

export interface Next {
  /** To be carried out in this order, each stored before its effect. */
  readonly decisions: readonly Decision[];
  /** Why not more is done now: first reason first. */
  readonly waits: readonly string[];
  /** When to look again even if nothing happens, or null. */
  readonly wakeAt: number | null;
}

/**
 * What to do next in a rollout and why not more. Stop rules come before every permit; when one trips, hosts in our
 * hands finish and nothing new begins.
 */
export function next(view: RolloutView, fleet: FleetView, now: number): Next {
  if (view.state === "planned" || isClosed(view.state)) return { decisions: [], waits: [], wakeAt: null };
  const silence = silentHosts(view, fleet, now);
  if (silence.decisions.length > 0) return { decisions: silence.decisions, waits: [], wakeAt: now };
  const why = tripped(view);
  if (view.state === "running" && why !== null) return { decisions: [{ kind: "stop", why }], waits: [], wakeAt: now };
  const inFlight = view.hosts.filter((host) => isInFlight(host.state));
  if (view.state === "stopping") return closing(view, fleet, inFlight, silence.wakeAt);
  if (view.state !== "running") return { decisions: [], waits: [view.state], wakeAt: silence.wakeAt };
  return dispatching(view, fleet, inFlight, silence.wakeAt);
}

/** Failures so far, all kinds equal: failed, timed out, and unreachable after the permit. */
export function failures(view: RolloutView): readonly HostInRollout[] {
  return view.hosts.filter((h) => h.state === "failed" || (h.state === "unreachable" && h.permit !== null));
}

function tripped(view: RolloutView): string | null {
  const failed = failures(view);
  if (failed.length <= view.plan.maxFail) return null;
  const names = failed.map((host) => host.name).join(", ");
  return `${failed.length} failed (${names}), at most ${view.plan.maxFail} tolerated`;
}

function closing(view: RolloutView, fleet: FleetView, inFlight: readonly HostInRollout[], wakeAt: number | null): Next {
  const waits = [`stopping: ${inHand(inFlight, fleet)} still in hand`];
  if (inFlight.length > 0) return { decisions: [], waits, wakeAt };
  return {
    decisions: [{ kind: "close", state: view.isAborting ? "aborted" : "halted", why: view.why }],
    waits: [],
    wakeAt: null,
  };
}

/** Hosts whose silence has lasted too long, those that came back from it, and vetoes that are old enough to ask again. */
function silentHosts(view: RolloutView, fleet: FleetView, now: number) {
  const mayTryAgain = triedAgain(view);
  const decisions: Decision[] = [];
  const times: number[] = [];
  const due = (at: number, decision: Decision) => (now >= at ? decisions.push(decision) : times.push(at));
  for (const host of view.hosts) {
    const { hostId } = host;
    const awaySince = awayOf(hostId, fleet);
    if (host.state === "permitted" && awaySince === null && host.permit) {
      due(host.permit.beginBy, { kind: "ask-again", hostId });
    }
    if (isInFlight(host.state) && host.permit) {
      // After a start of the controller hosts get time to come back with what they have done in the meantime.
      const at = Math.max(host.permit.endBy, fleet.listeningSince) + view.plan.timing.unreachableAfterMs;
      due(at, { kind: "unreachable", hostId, why: `no result by the permit's deadline (${host.state})` });
    }
    if (host.state === "pending" && awaySince !== null && stepsOf(view, hostId) > 0) {
      const at = awaySince + view.plan.timing.unreachableAfterMs;
      due(at, { kind: "unreachable", hostId, why: "not connected" });
    }
    if (host.state === "unreachable" && host.permit === null && awaySince === null && view.state === "running") {
      decisions.push({ kind: "returned", hostId });
    }
    if (host.state === "vetoed" && host.againAt !== null && mayTryAgain(host)) {
      due(host.againAt, { kind: "try-again", hostId });
    }
  }
  return { decisions, wakeAt: times.length > 0 ? Math.min(...times) : null };
}

/** So often a host that vetoes is tried at least; after that only as long as others are being worked on anyway. */
const FEWEST_TRIES = 3;

/** Which hosts that vetoed are tried again: hosts that only veto must not keep one another, and the rollout, alive. */
function triedAgain(view: RolloutView): (host: HostInRollout) => boolean {
  if (view.state !== "running") return () => false;
  const isBusy = openBatch(view).hosts.some((h) => h.vetoes < FEWEST_TRIES && isMoving(h));
  return ({ vetoes }) => isBusy || vetoes < FEWEST_TRIES;
}

function isMoving({ state }: HostInRollout): boolean {
  return state === "pending" || isInFlight(state);
}

function dispatching(
  view: RolloutView,
  fleet: FleetView,
  inFlight: readonly HostInRollout[],
  wakeAt: number | null,
): Next {
  const idle = view.hosts.filter((host) => host.state === "pending" && stepsOf(view, host.hostId) === 0);
  if (idle.length > 0) {
    const decisions = idle.map(
      ({ hostId }): Decision => ({ kind: "nothing-to-do", hostId, residue: residueOf(view, hostId) }),
    );
    return { decisions, waits: [], wakeAt };
  }
  if (view.hosts.every((host) => isAtRest(host.state))) return finished(view);
  return permits(view, fleet, inFlight, wakeAt);
}

function finished(view: RolloutView): Next {
  const why = view.hosts.every((h) => h.reason === "nothing to do") ? "nothing to do" : "";
  return { decisions: [{ kind: "close", state: "finished", why }], waits: [], wakeAt: null };
}

/**
 * The ramp: its entries are batches in the plan's order, the last repeats. All of a batch before the last entry must
 * be at rest before the next begins; within the last entry the window slides. A host whose permit went unanswered
 * stays charged: it may be acting still. One that vetoed is not charged, but its batch is not at rest: a host that was
 * not touched has shown nothing that a larger batch could rely on.
 */
function permits(view: RolloutView, fleet: FleetView, inFlight: readonly HostInRollout[], wakeAt: number | null): Next {
  const { size, hosts } = openBatch(view);
  const lost = view.hosts.filter((h) => h.state === "unreachable" && h.permit !== null);
  const charged = inFlight.length + lost.length;
  const waits: string[] = [];
  const ready = hosts.filter((host) => host.state === "pending" && awayOf(host.hostId, fleet) === null);
  const away = hosts.filter((host) => host.state === "pending" && awayOf(host.hostId, fleet) !== null);
  if (away.length > 0) waits.push(`not connected: ${names(away)}`);
  const vetoed = hosts.filter((host) => host.state === "vetoed");
  if (vetoed.length > 0) waits.push(`vetoed, and tried again: ${names(vetoed)}`);
  if (!view.hosts.some((h) => isInFlight(h.state)) && !hosts.some(isMoving) && vetoed.every(isTriedEnough)) {
    return { decisions: [{ kind: "stop", why: `vetoed on the host: ${words(vetoed)}` }], waits: [], wakeAt };
  }
  const room = Math.max(0, size - charged);
  if (room === 0 && inFlight.length === 0 && lost.length > 0) {
    const why = `no room left: ${names(lost)} did not answer and may be down still`;
    return { decisions: [{ kind: "stop", why }], waits: [], wakeAt };
  }
  if (inFlight.length > 0) waits.unshift(`${charged} of ${size} in hand: ${inHand(inFlight, fleet)}`);
  const decisions = ready
    .slice(0, room)
    .map(
      (host): Decision => ({ kind: "permit", hostId: host.hostId, bootId: fleet.hosts.get(host.hostId)?.bootId ?? "" }),
    );
  return { decisions, waits, wakeAt };
}

function isTriedEnough({ vetoes }: HostInRollout): boolean {
  return vetoes >= FEWEST_TRIES;
}

const LONGEST_WORDS = 160;

/** Hosts with what they said. */
function words(hosts: readonly HostInRollout[]): string {
  return someOf(hosts.map((host) => `${host.name} (${abridged(host.reason, LONGEST_WORDS)})`));
}

function openBatch(view: RolloutView): { size: number; hosts: readonly HostInRollout[] } {
  const working = view.hosts.filter((host) => stepsOf(view, host.hostId) > 0);
  const { ramp } = view.plan;
  let from = 0;
  for (const size of ramp.slice(0, -1)) {
    const batch = working.slice(from, from + size);
    if (batch.some((host) => !isAtRest(host.state))) return { size, hosts: batch };
    from += size;
  }
  return { size: ramp.at(-1) ?? 1, hosts: working.slice(from) };
}

function awayOf(hostId: string, fleet: FleetView): number | null {
  const presence = fleet.hosts.get(hostId);
  return presence ? presence.awaySince : fleet.listeningSince;
}

function stepsOf(view: RolloutView, hostId: string): number {
  return view.plan.hosts.find((host) => host.hostId === hostId)?.steps.length ?? 0;
}

function residueOf(view: RolloutView, hostId: string): readonly string[] {
  return view.plan.hosts.find((host) => host.hostId === hostId)?.residue ?? [];
}

/** Hosts in hand, and which of them are silent just now. */
function inHand(hosts: readonly HostInRollout[], fleet: FleetView): string {
  return hosts
    .map((host) => (awayOf(host.hostId, fleet) === null ? host.name : `${host.name} (not connected)`))
    .join(", ");
}

function names(hosts: readonly HostInRollout[]): string {
  return hosts.map((host) => host.name).join(", ");
}

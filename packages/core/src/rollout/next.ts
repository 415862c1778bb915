import { abridged, someOf } from "../text.ts";
import { awayOf, type Batch, isLost, isMoving, names, openBatch, residueOf, stepsOf } from "./batch.ts";
import { goesAlone, isHostRebooted, REBOOT_EVERY_MS } from "./reboots.ts";
import { isTriedEnough, silentHosts } from "./silence.ts";
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
  /** When a permit that holds a reboot was issued last, by any rollout; null: never. */
  readonly rebootPermittedAt: number | null;
  /** Names of hosts in the hands of other rollouts, and of those that did not answer there and may be down. */
  readonly elsewhere: readonly string[];
  /** The controller's own host, while another rollout reboots it: the controller goes down soon. */
  readonly leavingFor: string | null;
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
  if (view.state !== "stopping" && why !== null) return { decisions: [{ kind: "stop", why }], waits: [], wakeAt: now };
  const inFlight = view.hosts.filter((host) => isInFlight(host.state));
  if (view.state === "stopping") return closing(view, fleet, inFlight, silence.wakeAt);
  if (view.state !== "running") return { decisions: [], waits: [view.state], wakeAt: silence.wakeAt };
  return dispatching(view, fleet, inFlight, { now, wakeAt: silence.wakeAt });
}

/** Failures so far, all kinds equal: failed, timed out, and unreachable after the permit. */
export function failures(view: RolloutView): readonly HostInRollout[] {
  return view.hosts.filter((h) => h.state === "failed" || isLost(h));
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

interface Times {
  readonly now: number;
  readonly wakeAt: number | null;
}

function dispatching(view: RolloutView, fleet: FleetView, inFlight: readonly HostInRollout[], times: Times): Next {
  const idle = view.hosts.filter((host) => host.state === "pending" && stepsOf(view, host.hostId) === 0);
  if (idle.length > 0) {
    const decisions = idle.map(
      ({ hostId }): Decision => ({ kind: "nothing-to-do", hostId, residue: residueOf(view, hostId) }),
    );
    return { decisions, waits: [], wakeAt: times.wakeAt };
  }
  if (view.hosts.every((host) => isAtRest(host.state))) return finished(view);
  return permits(view, fleet, inFlight, times);
}

function finished(view: RolloutView): Next {
  const why = view.hosts.every((h) => h.reason === "nothing to do") ? "nothing to do" : "";
  return { decisions: [{ kind: "close", state: "finished", why }], waits: [], wakeAt: null };
}

/**
 * Permits for the open batch. A host whose permit went unanswered stays charged: it may be acting still. One that vetoed is
 * not charged, but its batch is not at rest: a host that was not touched has shown nothing that a larger batch could rely on.
 */
function permits(view: RolloutView, fleet: FleetView, inFlight: readonly HostInRollout[], times: Times): Next {
  const batch = openBatch(view);
  const { size, hosts } = batch;
  const lost = view.hosts.filter(isLost);
  const charged = inFlight.length + lost.length;
  const waits: string[] = [];
  const ready = hosts.filter((host) => host.state === "pending" && awayOf(host.hostId, fleet) === null);
  const away = hosts.filter((host) => host.state === "pending" && awayOf(host.hostId, fleet) !== null);
  if (away.length > 0) waits.push(`not connected: ${names(away)}`);
  const vetoed = hosts.filter((host) => host.state === "vetoed");
  if (vetoed.length > 0) waits.push(`vetoed, and tried again: ${names(vetoed)}`);
  if (inFlight.length === 0 && !hosts.some(isMoving) && vetoed.every(isTriedEnough)) {
    const why = `vetoed on the host: ${words(vetoed)}`;
    return { decisions: [{ kind: "stop", why }], waits: [], wakeAt: times.wakeAt };
  }
  const room = Math.max(0, size - charged);
  if (room === 0 && inFlight.length === 0 && lost.length > 0) {
    const why = `no room left: ${names(lost)} did not answer and may be down still`;
    return { decisions: [{ kind: "stop", why }], waits: [], wakeAt: times.wakeAt };
  }
  if (inFlight.length > 0) waits.unshift(`${charged} of ${size} in hand: ${inHand(inFlight, fleet)}`);
  const why = room > 0 && ready.length > 0 ? whyNotNow(view, batch, fleet) : null;
  if (why !== null) return { decisions: [], waits: [...waits, why], wakeAt: sooner(times, times.now + LOOK_AGAIN_MS) };
  return braked(view, ready.slice(0, room), fleet, times, waits);
}

/** Other rollouts come to an end without a word to this one. */
const LOOK_AGAIN_MS = 10_000;

/** The controller's own host is rebooted alone, whichever rollout it is in: what would be acting then has nobody to tell. */
function whyNotNow(view: RolloutView, { hosts, isAlone }: Batch, fleet: FleetView): string | null {
  const own = view.hosts.find((host) => isInFlight(host.state) && holdsController(view, host));
  const leavingFor = own?.name ?? fleet.leavingFor;
  if (leavingFor !== null) return `nothing begins until ${leavingFor} is back, on which the controller runs`;
  if (!isAlone || fleet.elsewhere.length === 0) return null;
  return `${names(hosts)} is rebooted alone, the controller runs there: waits for ${someOf(fleet.elsewhere)}`;
}

function holdsController(view: RolloutView, { hostId }: HostInRollout): boolean {
  return view.plan.hosts.some((host) => host.hostId === hostId && goesAlone(host));
}

/** Permits for these hosts, in their order, but no reboot before the brake lets it. */
function braked(
  view: RolloutView,
  hosts: readonly HostInRollout[],
  fleet: FleetView,
  times: Times,
  waits: readonly string[],
): Next {
  const decisions: Decision[] = [];
  const held: HostInRollout[] = [];
  let freeAt = fleet.rebootPermittedAt === null ? times.now : fleet.rebootPermittedAt + REBOOT_EVERY_MS;
  for (const host of hosts) {
    const isRebooted = isHostRebooted(view.plan, host.hostId);
    if (isRebooted && times.now < freeAt) {
      held.push(host);
      continue;
    }
    if (isRebooted) freeAt = times.now + REBOOT_EVERY_MS;
    const bootId = fleet.hosts.get(host.hostId)?.bootId ?? "";
    decisions.push({ kind: "permit", hostId: host.hostId, bootId });
  }
  if (held.length === 0) return { decisions, waits, wakeAt: times.wakeAt };
  const why = `a reboot begins every ${REBOOT_EVERY_MS / 1000} s at most: ${names(held)}`;
  return { decisions, waits: [...waits, why], wakeAt: sooner(times, freeAt) };
}

function sooner({ wakeAt }: Times, at: number): number {
  return wakeAt === null ? at : Math.min(wakeAt, at);
}

const LONGEST_WORDS = 160;

/** Hosts with what they said. */
function words(hosts: readonly HostInRollout[]): string {
  return someOf(hosts.map((host) => `${host.name} (${abridged(host.reason, LONGEST_WORDS)})`));
}

/** Hosts in hand, and which of them are silent just now. */
function inHand(hosts: readonly HostInRollout[], fleet: FleetView): string {
  const silent = ({ state }: HostInRollout) => (state === "returning" ? "rebooting" : "not connected");
  return hosts
    .map((host) => (awayOf(host.hostId, fleet) === null ? host.name : `${host.name} (${silent(host)})`))
    .join(", ");
}

import { type AfterCare, givenBack, idleDrained, readyHosts } from "./care.ts";
import { someOf } from "../text.ts";
import { openBatches, residueOf, stepsOf } from "./batch.ts";
import { askedAgainAt, type Holds, shutAt } from "./holds.ts";
import { holdsController, inHand, permits, sooner } from "./permits.ts";
import { silentHosts } from "./silence.ts";
import { hasPassed, type Stage, stagesOf } from "./stages.ts";
import { tripped } from "./stop.ts";
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
  /** What people's clocks say, epoch milliseconds: windows are of it. */
  readonly wall: number;
  /** Hosts that are unavailable whatever this rollout does, beside those that are away: in other rollouts' hands, failed or lost before. */
  readonly unavailable: ReadonlySet<string>;
  /** The controller's own host, while another rollout reboots it: the controller goes down soon. */
  readonly leavingFor: string | null;
  /** Ids of hosts that a person has written off: being away does not charge them. */
  readonly writtenOff: ReadonlySet<string>;
  /** What people hold back at this moment. */
  readonly holds: Holds;
}

/** Becomes an event in the store before it has an effect. */
export type StoredDecision =
  | { readonly kind: "permit"; readonly hostId: string; readonly bootId: string }
  /** It is got ready first: looked at, or drained. */
  | { readonly kind: "take"; readonly hostId: string; readonly phase: "checking" | "draining" }
  /** Nothing is done to it for now: back into service where it is out of it. */
  | { readonly kind: "give-back"; readonly hostId: string; readonly outcome: AfterCare }
  | { readonly kind: "nothing-to-do"; readonly hostId: string; readonly residue: readonly string[] }
  | { readonly kind: "unreachable"; readonly hostId: string; readonly why: string }
  | { readonly kind: "skip"; readonly hostId: string; readonly why: string }
  | { readonly kind: "returned"; readonly hostId: string }
  | { readonly kind: "try-again"; readonly hostId: string }
  | { readonly kind: "end-wave"; readonly wave: string; readonly bakeMs: number }
  | { readonly kind: "gate"; readonly why: string }
  | { readonly kind: "window-close"; readonly why: string }
  | { readonly kind: "window-open" }
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
  const unwanted = notWanted(view);
  if (unwanted.length > 0) return { decisions: unwanted, waits: [], wakeAt: now };
  const why = tripped(view, now);
  if (view.state !== "stopping" && why !== null) return { decisions: [{ kind: "stop", why }], waits: [], wakeAt: now };
  const inFlight = view.hosts.filter((host) => isInFlight(host.state));
  if (view.state === "stopping") return closing(view, fleet, inFlight, silence.wakeAt);
  const times = { now, wakeAt: silence.wakeAt };
  if (view.state === "waiting-window") return atTheWindow(view, fleet, times);
  if (view.state !== "running") return { decisions: [], waits: [view.state], wakeAt: silence.wakeAt };
  return dispatching(view, fleet, inFlight, times);
}

/** Out of service, or ready to be touched, though nothing is done to them for now. */
function notWanted(view: RolloutView): readonly Decision[] {
  const idle = idleDrained(view).map((one): Decision => ({ kind: "give-back", ...one }));
  return view.state === "running" ? idle : [...idle, ...readyHosts(view).map(givenBack)];
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

/** A moment, and when to look again whatever else is decided. */
export interface Times {
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
  const stages = stagesOf(view, times.now);
  const ended = view.plan.shape ? stages.filter((stage) => stage.state === "open" && isWaveAtRest(view, stage)) : [];
  if (ended.length > 0) {
    const decisions = ended.map(({ wave: { name, bakeMs } }): Decision => ({ kind: "end-wave", wave: name, bakeMs }));
    return { decisions, waits: [], wakeAt: times.now };
  }
  const isOver = view.hosts.every((host) => isAtRest(host.state));
  if (isOver && hasPassed(view, stages)) return finished(view);
  return betweenWaves(view, stages, inFlight, times) ?? permits(view, fleet, inFlight, times);
}

/** The controller's own host, which comes last of all, holds up no wave. */
function isWaveAtRest(view: RolloutView, { wave }: Stage): boolean {
  const members = new Set(wave.hostIds);
  const hosts = view.hosts.filter((host) => members.has(host.hostId) && !holdsController(view, host));
  return hosts.every((host) => isAtRest(host.state));
}

/** No wave has anything to do: one bakes, or somebody has to approve of it. Null: there is something to do. */
function betweenWaves(
  view: RolloutView,
  stages: readonly Stage[],
  inFlight: readonly HostInRollout[],
  times: Times,
): Next | null {
  if (inFlight.length > 0 || openBatches(view, times.now).length > 0) return null;
  const gated = stages.flatMap(({ state, wave }) => (state === "gated" ? [wave] : []));
  const baking = stages.flatMap(({ wave, bakeUntil }) => (bakeUntil === null ? [] : [{ name: wave.name, bakeUntil }]));
  if (baking.length > 0) {
    const waits = baking.map(({ name }) => `wave ${name} is watched before the next one begins`);
    return { decisions: [], waits, wakeAt: sooner(times, Math.min(...baking.map(({ bakeUntil }) => bakeUntil))) };
  }
  if (gated.length === 0) return null;
  const isBySecond = gated.some(({ isBySecondPerson }) => isBySecondPerson);
  const by = isBySecond ? ` by another person than ${view.plan.actor}` : "";
  const why = `wave ${someOf(gated.map(({ name }) => name))} waits for an approval${by}`;
  return { decisions: [{ kind: "gate", why }], waits: [], wakeAt: times.wakeAt };
}

/** No host may begin at this time; hosts in hand finish. */
function atTheWindow(view: RolloutView, fleet: FleetView, times: Times): Next {
  const closed = shutAt(view, fleet);
  if (closed === null) return { decisions: [{ kind: "window-open" }], waits: [], wakeAt: times.now };
  return { decisions: [], waits: [closed.why], wakeAt: sooner(times, askedAgainAt(closed, fleet, times.now)) };
}

function finished(view: RolloutView): Next {
  const why = view.hosts.every((h) => h.reason === "nothing to do") ? "nothing to do" : "";
  return { decisions: [{ kind: "close", state: "finished", why }], waits: [], wakeAt: null };
}

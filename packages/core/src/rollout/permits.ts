import { plannedFor } from "./planned.ts";
import { abridged, someOf } from "../text.ts";
import { awayOf, type Batch, isLost, isMoving, names, openBatches } from "./batch.ts";
import { firstPhase, givenBack, isReady, readyHosts } from "./care.ts";
import { type Budget, overBudget } from "./budgets.ts";
import { askedAgainAt, cordonWaits, freezeWaits, isCordoned, shutAt, untilCordonsEnd } from "./holds.ts";
import type { Decision, FleetView, Next, Times } from "./next.ts";
import { goesAlone, isHostRebooted, REBOOT_EVERY_MS } from "./reboots.ts";
import { isTriedEnough } from "./silence.ts";
import { stuckAt } from "./stop.ts";
import { isInFlight } from "./transitions.ts";
import type { HostInRollout, RolloutView } from "./types.ts";

/**
 * Permits for the open batches. A host whose permit went unanswered stays charged: it may be acting still. One that vetoed is
 * not charged, but its batch is not at rest: a host that was not touched has shown nothing that a larger batch could rely on.
 */
export function permits(view: RolloutView, fleet: FleetView, inFlight: readonly HostInRollout[], times: Times): Next {
  const batches = openBatches(view, times.now);
  const next = permitsOf(view, fleet, inFlight, times, batches);
  const held = batches.flatMap(({ hosts }) => hosts.filter((host) => isCordoned(host, fleet)));
  return untilCordonsEnd(next, held, fleet, times);
}

function permitsOf(
  view: RolloutView,
  fleet: FleetView,
  inFlight: readonly HostInRollout[],
  times: Times,
  batches: readonly Batch[],
): Next {
  const rooms = batches.map((batch) => roomIn(batch, fleet));
  const waits = rooms.flatMap((room) => room.waits);
  const stuck = rooms.flatMap(({ stuck: why }) => why ?? []);
  if (inFlight.length === 0 && stuck[0] !== undefined && stuck.length === rooms.length) {
    return { decisions: [{ kind: "stop", why: stuck[0] }], waits: [], wakeAt: times.wakeAt };
  }
  if (inFlight.length > 0) {
    const size = rooms.reduce((sum, { batch }) => sum + batch.size, 0);
    const charged = inFlight.length + view.hosts.filter(isLost).length;
    waits.unshift(`${charged} of ${size} in hand: ${inHand(inFlight, fleet)}`);
  }
  const ready = rooms.flatMap((room) => room.ready.slice(0, room.free));
  const stuckFor = stuckAt(view);
  const wakeAt = stuckFor === null ? times.wakeAt : sooner(times, stuckFor);
  const prepared = readyHosts(view);
  if (ready.length === 0 && prepared.length === 0) {
    return { decisions: [], waits: [...waits, ...freezeWaits(fleet)], wakeAt };
  }
  const alone = rooms.find(({ batch }) => batch.isAlone)?.batch ?? null;
  // Not touched yet: it waits for the end of its cordon as it was before, the controller's own host for one that came back.
  const isUnwanted = (host: HostInRollout) =>
    isCordoned(host, fleet) || (alone === null && holdsController(view, host));
  const unwanted = prepared.filter(isUnwanted);
  if (unwanted.length > 0) return { decisions: unwanted.map(givenBack), waits, wakeAt };
  const closed = shutAt(view, fleet);
  if (closed !== null && prepared.length > 0) return { decisions: prepared.map(givenBack), waits, wakeAt };
  if (closed !== null && inFlight.length === 0) {
    // The rollout waits for its window when nothing is in hand any more.
    return { decisions: [{ kind: "window-close", why: closed.why }], waits: [], wakeAt };
  }
  if (closed !== null) {
    const again = sooner({ ...times, wakeAt }, askedAgainAt(closed, fleet, times.now));
    return { decisions: [], waits: [...waits, closed.why], wakeAt: again };
  }
  const why = whyNotNow(view, alone, fleet);
  if (why !== null)
    return { decisions: [], waits: [...waits, why], wakeAt: sooner({ ...times, wakeAt }, times.now + LOOK_AGAIN_MS) };
  const granted = withinBudgets(view, rooms, fleet);
  // Those that were got ready are in hand, and counted, already.
  const here = prepared.filter(({ hostId }) => awayOf(hostId, fleet) === null);
  return braked(view, { ...granted, hosts: [...here, ...granted.hosts] }, fleet, { ...times, wakeAt }, waits);
}

export interface Room {
  readonly batch: Batch;
  /** So many more may be taken. */
  readonly free: number;
  readonly ready: readonly HostInRollout[];
  readonly waits: readonly string[];
  /** Why nothing of it will go on by itself; null: something may. */
  readonly stuck: string | null;
}

/** What a batch has room for, and who of it may be taken. */
export function roomIn(batch: Batch, fleet: FleetView): Room {
  const { size, hosts, wave } = batch;
  const lost = wave.filter(isLost);
  const charged = wave.filter((host) => isInFlight(host.state)).length + lost.length;
  const pending = hosts.filter((host) => host.state === "pending");
  // Of thousands of hosts, at every decision: one look at each.
  const cordoned: HostInRollout[] = [];
  const ready: HostInRollout[] = [];
  const away: HostInRollout[] = [];
  for (const host of pending) {
    if (isCordoned(host, fleet)) cordoned.push(host);
    else if (awayOf(host.hostId, fleet) === null) ready.push(host);
    else away.push(host);
  }
  const vetoed = hosts.filter((host) => host.state === "vetoed");
  const waits = [
    ...cordonWaits(cordoned, fleet),
    ...(away.length > 0 ? [`not connected: ${names(away)}`] : []),
    ...(vetoed.length > 0 ? [`vetoed, and tried again: ${names(vetoed)}`] : []),
  ];
  const free = Math.max(0, size - charged);
  const isVetoed = !hosts.some(isMoving) && vetoed.every(isTriedEnough);
  const isFull = free === 0 && lost.length > 0;
  const stuck = isVetoed
    ? `vetoed on the host: ${words(vetoed)}`
    : isFull
      ? `no room left: ${names(lost)} did not answer and may be down still`
      : null;
  return { batch, free, ready, waits, stuck };
}

interface Granted {
  readonly hosts: readonly HostInRollout[];
  /** Why others have to wait, one sentence each. */
  readonly held: readonly string[];
}

/** Hosts that may be taken now. One that a budget holds back lets those after it go first. */
function withinBudgets(view: RolloutView, rooms: readonly Room[], fleet: FleetView): Granted {
  const budgets = view.plan.shape?.budgets ?? [];
  if (budgets.length === 0) return { hosts: rooms.flatMap((room) => room.ready.slice(0, room.free)), held: [] };
  const charged = chargedTo(view, budgets, fleet);
  const hosts: HostInRollout[] = [];
  const held = new Set<string>();
  for (const room of rooms) {
    let { free } = room;
    for (const host of room.ready) {
      if (free === 0) break;
      const why = overBudget(host.hostId, budgets, charged);
      if (why !== null) {
        held.add(why);
        continue;
      }
      free -= 1;
      charged.add(host.hostId);
      hosts.push(host);
    }
  }
  return { hosts, held: [...held] };
}

/** Ids of hosts that count as unavailable to these budgets, for whatever reason. */
export function chargedTo(view: RolloutView, budgets: readonly Budget[], fleet: FleetView): Set<string> {
  const members = budgets.flatMap(({ groups }) => groups.flatMap(({ hostIds }) => hostIds));
  const away = members.filter((hostId) => awayOf(hostId, fleet) !== null && !fleet.writtenOff.has(hostId));
  const ours = view.hosts.filter(isUnavailable).map(({ hostId }) => hostId);
  return new Set([...fleet.unavailable, ...fleet.holds.cordons.keys(), ...away, ...ours]);
}

/** In our hands, silent since, or failed: nobody knows that it serves anybody. */
function isUnavailable(host: HostInRollout): boolean {
  return isInFlight(host.state) || host.state === "unreachable" || host.state === "failed";
}

/** Other rollouts come to an end without a word to this one. */
const LOOK_AGAIN_MS = 10_000;

/** The controller's own host is rebooted alone, whichever rollout it is in: what would be acting then has nobody to tell. */
export function whyNotNow(view: RolloutView, alone: Batch | null, fleet: FleetView): string | null {
  const own = view.hosts.find((host) => isInFlight(host.state) && !isReady(host) && holdsController(view, host));
  const leavingFor = own?.name ?? fleet.leavingFor;
  if (leavingFor !== null) return `nothing begins until ${leavingFor} is back, on which the controller runs`;
  if (alone === null || fleet.elsewhere.length === 0) return null;
  return `${names(alone.hosts)} is rebooted alone, the controller runs there: waits for ${someOf(fleet.elsewhere)}`;
}

/** On it the controller runs, and it is to be rebooted. */
export function holdsController(view: RolloutView, { hostId }: HostInRollout): boolean {
  const host = plannedFor(view.plan, hostId);
  return host !== undefined && goesAlone(host);
}

/** Permits for these hosts, in their order, but no reboot before the brake lets it. */
function braked(view: RolloutView, granted: Granted, fleet: FleetView, times: Times, others: readonly string[]): Next {
  const decisions: Decision[] = [];
  const held: HostInRollout[] = [];
  let freeAt = fleet.rebootPermittedAt === null ? times.now : fleet.rebootPermittedAt + REBOOT_EVERY_MS;
  for (const host of granted.hosts) {
    const phase = firstPhase(view.plan, host.hostId);
    if (phase !== null && !isReady(host)) {
      decisions.push({ kind: "take", hostId: host.hostId, phase });
      continue;
    }
    const isRebooted = isHostRebooted(view.plan, host.hostId);
    if (isRebooted && times.now < freeAt) {
      held.push(host);
      continue;
    }
    if (isRebooted) freeAt = times.now + REBOOT_EVERY_MS;
    const bootId = fleet.hosts.get(host.hostId)?.bootId ?? "";
    decisions.push({ kind: "permit", hostId: host.hostId, bootId });
  }
  const waits = [...others, ...granted.held];
  const wakeAt = granted.held.length > 0 ? sooner(times, times.now + LOOK_AGAIN_MS) : times.wakeAt;
  if (held.length === 0) return { decisions, waits, wakeAt };
  const why = `a reboot begins every ${REBOOT_EVERY_MS / 1000} s at most: ${names(held)}`;
  return { decisions, waits: [...waits, why], wakeAt: sooner({ ...times, wakeAt }, freeAt) };
}

/** The sooner of two moments to look again. */
export function sooner({ wakeAt }: Times, at: number): number {
  return wakeAt === null ? at : Math.min(wakeAt, at);
}

const LONGEST_WORDS = 160;

/** Hosts with what they said. */
function words(hosts: readonly HostInRollout[]): string {
  return someOf(hosts.map((host) => `${host.name} (${abridged(host.reason, LONGEST_WORDS)})`));
}

/** Hosts in hand, and which of them are silent just now. */
export function inHand(hosts: readonly HostInRollout[], fleet: FleetView): string {
  const silent = ({ state }: HostInRollout) => (state === "returning" ? "rebooting" : "not connected");
  return hosts
    .map((host) => (awayOf(host.hostId, fleet) === null ? host.name : `${host.name} (${silent(host)})`))
    .join(", ");
}

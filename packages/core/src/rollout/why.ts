import { formatDuration } from "../duration.ts";
import { someOf } from "../text.ts";
import { awayOf, isLost, openBatches, stepsOf } from "./batch.ts";
import { overBudget } from "./budgets.ts";
import { holdText, shutAt } from "./holds.ts";
import type { FleetView } from "./next.ts";
import { chargedTo, inHand, type Room, roomIn, whyNotNow } from "./permits.ts";
import { isHostRebooted, REBOOT_EVERY_MS } from "./reboots.ts";
import { type Stage, stagesOf } from "./stages.ts";
import { isAtRest, isInFlight } from "./transitions.ts";
import type { HostInRollout, RolloutView } from "./types.ts";

// What stands between a host and its next step, by the very functions by which `next` decides.

/** Stable words: programs read them. */
export const OBSTACLES = [
  "no-rollout",
  "ended",
  "paused",
  "approval",
  "stopping",
  "in-hand",
  "veto",
  "cordon",
  "quarantine",
  "away",
  "wave",
  "batch",
  "freeze",
  "window",
  "controller",
  "budget",
  "brake",
  "next",
] as const;

export interface Obstacle {
  readonly kind: (typeof OBSTACLES)[number];
  readonly why: string;
  /** Of the steady clock; when it began, and when it ends or is looked at again at the latest; null: not known. */
  readonly since: number | null;
  readonly until: number | null;
}

/** All that stands between a host of an open rollout and its next step, the first to end first. Never empty. */
export function obstaclesOf(view: RolloutView, hostId: string, fleet: FleetView, now: number): readonly Obstacle[] {
  const host = view.hosts.find((each) => each.hostId === hostId);
  if (!host || stepsOf(view, hostId) === 0) return [just("no-rollout", "the plan has nothing to do on it")];
  if (isInFlight(host.state)) return [inHands(host, view, fleet)];
  if (isAtRest(host.state))
    return [just("ended", `${host.state}${host.reason === "" ? "" : `: ${host.reason}`}`), ...away(host, fleet)];
  const obstacles = [
    ...ofRollout(view),
    ...(host.state === "vetoed" ? [{ ...just("veto", host.reason), until: host.againAt }] : []),
    ...cordon(host, fleet),
    ...away(host, fleet),
    ...inTurn(view, host, fleet, now),
    ...hours(view, fleet, now),
    ...together(view, host, fleet, now),
  ];
  return obstacles.length > 0 ? obstacles : [just("next", "nothing: it is next")];
}

function just(kind: Obstacle["kind"], why: string): Obstacle {
  return { kind, why, since: null, until: null };
}

function inHands({ state, permit, care }: HostInRollout, { plan }: RolloutView, { wall }: FleetView): Obstacle {
  const phase = care.phase === null ? state : `${state}, ${care.phase}`;
  const since =
    permit === null
      ? ""
      : `, permitted ${formatDuration(Math.max(0, Math.round((wall - permit.at) / 1000)) * 1000)} ago`;
  const begin = state === "permitted" && permit !== null ? permit.beginBy : null;
  const until = begin ?? permit?.endBy ?? null;
  return { ...just("in-hand", `it is in hand of rollout ${plan.id} (${phase})${since}`), until };
}

function ofRollout({ state, why }: RolloutView): readonly Obstacle[] {
  switch (state) {
    case "paused":
      return [just("paused", why)];
    case "waiting-approval":
      return [just("approval", why)];
    case "stopping":
      return [just("stopping", `the rollout is stopping: ${why}`)];
    case "planned":
    case "running":
    case "waiting-window": // told with its freeze or window
    case "halted":
    case "aborted":
    case "finished":
      return [];
  }
}

function cordon({ hostId }: HostInRollout, { holds }: FleetView): readonly Obstacle[] {
  const hold = holds.cordons.get(hostId);
  return hold ? [just("cordon", `cordoned ${holdText(hold)}`)] : [];
}

function away({ hostId }: HostInRollout, fleet: FleetView): readonly Obstacle[] {
  const since = awayOf(hostId, fleet);
  return since === null ? [] : [{ ...just("away", "it is not connected"), since }];
}

/** Its wave, then its batch. */
function inTurn(view: RolloutView, host: HostInRollout, fleet: FleetView, now: number): readonly Obstacle[] {
  const stages = stagesOf(view, now);
  const stage = stages.find(({ wave }) => wave.hostIds.includes(host.hostId));
  if (stage?.state === "blocked") {
    const before = stages.filter(({ wave, state }) => stage.wave.after.includes(wave.name) && state !== "passed");
    return before.map((one) => waveBefore(view, stage, one));
  }
  const rooms = openBatches(view, now).map((batch) => roomIn(batch, fleet));
  const own = rooms.find(({ batch }) => batch.hosts.some(({ hostId }) => hostId === host.hostId));
  if (own) return inBatch(own, host, fleet);
  const earlier = rooms.find(({ batch }) => batch.wave.some(({ hostId }) => hostId === host.hostId));
  const unfinished = earlier?.batch.hosts.filter(({ state }) => !isAtRest(state)) ?? [];
  const names = someOf(unfinished.map(({ name, state }) => `${name} (${state})`));
  return [
    just(
      "batch",
      unfinished.length === 0 ? "it comes after all others" : `the batch before its own has not ended: ${names}`,
    ),
  ];
}

function waveBefore(view: RolloutView, { wave: own }: Stage, { wave, state, bakeUntil }: Stage): Obstacle {
  const why = `its wave ${own.name} waits for wave ${wave.name}`;
  switch (state) {
    case "baking":
      return { ...just("wave", `${why}, which is watched before the next one begins`), until: bakeUntil };
    case "gated":
      return just("approval", `${why}, which somebody has to approve of`);
    case "blocked":
    case "open":
    case "passed": {
      const left = view.hosts.filter(({ hostId, state: at }) => wave.hostIds.includes(hostId) && !isAtRest(at));
      return just("wave", `${why}: ${someOf(left.map((host) => `${host.name} (${host.state})`))}`);
    }
  }
}

function inBatch({ batch, free, ready }: Room, { hostId }: HostInRollout, fleet: FleetView): readonly Obstacle[] {
  const taken = batch.wave.filter((each) => isInFlight(each.state) || isLost(each));
  if (free === 0) {
    return [just("batch", `the batch is full: ${taken.length} of ${batch.size} in hand: ${inHand(taken, fleet)}`)];
  }
  // One that is away, cordoned or vetoed waits for that first: it has no place in the order.
  const place = ready.findIndex((each) => each.hostId === hostId);
  const before = ready.slice(0, Math.max(0, place));
  return before.length < free ? [] : [just("batch", `${someOf(before.map(({ name }) => name))} come before it`)];
}

function hours(view: RolloutView, fleet: FleetView, now: number): readonly Obstacle[] {
  const closed = shutAt(view, fleet);
  if (closed === null) return [];
  const until = closed.opensAt === null ? null : now + closed.opensAt - fleet.wall;
  return [{ ...just(closed.kind, closed.why), until }];
}

/** What others have to do with it: the controller's own reboot, budgets, and the brake. */
function together(view: RolloutView, { hostId }: HostInRollout, fleet: FleetView, now: number): readonly Obstacle[] {
  const alone = openBatches(view, now).find(({ isAlone }) => isAlone) ?? null;
  const controller = whyNotNow(view, alone, fleet);
  const budgets = view.plan.shape?.budgets ?? [];
  const budget = overBudget(hostId, budgets, chargedTo(view, budgets, fleet));
  const freeAt = fleet.rebootPermittedAt === null ? now : fleet.rebootPermittedAt + REBOOT_EVERY_MS;
  const isBraked = isHostRebooted(view.plan, hostId) && now < freeAt;
  const brake = `a reboot begins every ${formatDuration(REBOOT_EVERY_MS)} at most`;
  return [
    ...(controller === null ? [] : [just("controller", controller)]),
    ...(budget === null ? [] : [just("budget", budget)]),
    ...(isBraked ? [{ ...just("brake", brake), until: freeAt }] : []),
  ];
}

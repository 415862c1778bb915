import { isLost } from "./batch.ts";
import { forecastOf, type Measured } from "./forecast.ts";
import type { FleetView } from "./next.ts";
import { type Stage, stagesOf } from "./stages.ts";
import { isAtRest, isInFlight } from "./transitions.ts";
import type { HostInRollout, RolloutView } from "./types.ts";
import { type Obstacle, obstaclesOf } from "./why.ts";

// How an open rollout goes on, for who looks at it: waves, what hosts wait for, and when it likely ends.

export interface WaveOutlook extends Pick<Stage, "state" | "bakeUntil"> {
  readonly name: string;
  readonly after: readonly string[];
  /** Hosts with work, and of them: at rest, in hand, failed or lost. */
  readonly hosts: number;
  readonly ended: number;
  readonly inHand: number;
  readonly failed: number;
}

export interface HostsWait extends Pick<Obstacle, "kind" | "why" | "until"> {
  readonly hosts: number;
  /** Of the first of them. */
  readonly names: readonly string[];
}

/** So many hosts are asked what they wait for: those after them wait for these. */
const MOST_ASKED = 12;
const MOST_NAMES = 3;

/** `now`: of the steady clock, as all times of the answer. */
export function wavesOutlook(view: RolloutView, now: number): readonly WaveOutlook[] {
  const hosts = new Map(view.hosts.map((host) => [host.hostId, host]));
  const working = workingIn(view);
  return stagesOf(view, now).map(({ wave, state, bakeUntil }) => {
    const own = wave.hostIds.flatMap((id) => (working.has(id) ? (hosts.get(id) ?? []) : []));
    const count = (is: (host: HostInRollout) => boolean) => own.filter(is).length;
    return {
      ...{ name: wave.name, after: wave.after, state, bakeUntil, hosts: own.length },
      ended: count((host) => isAtRest(host.state)),
      inHand: count((host) => isInFlight(host.state)),
      failed: count((host) => host.state === "failed" || isLost(host)),
    };
  });
}

function workingIn({ plan }: RolloutView): ReadonlySet<string> {
  return new Set(plan.hosts.filter(({ steps }) => steps.length > 0).map(({ hostId }) => hostId));
}

/** What hosts that have not begun wait for, the most of them first. Those in hand wait for nothing. */
export function waitsOf(view: RolloutView, fleet: FleetView, now: number): readonly HostsWait[] {
  const pending = view.hosts.filter((host) => !isAtRest(host.state) && !isInFlight(host.state));
  const working = workingIn(view);
  const waiting = pending.filter(({ hostId }) => working.has(hostId));
  // A host that holds off has a reason of its own.
  const own = (host: HostInRollout) => host.state === "vetoed" || fleet.holds.cordons.has(host.hostId);
  const sorted = waiting.toSorted((a, b) => Number(own(b)) - Number(own(a)));
  const groups = new Map<string, { first: Obstacle; names: string[]; hosts: number }>();
  for (const host of sorted.slice(0, MOST_ASKED)) {
    const [first] = obstaclesOf(view, host.hostId, fleet, now);
    if (!first || first.kind === "next") continue;
    // Every host of a batch or a wave has other words for the same.
    const key = ["batch", "wave", "away"].includes(first.kind) ? first.kind : `${first.kind} ${first.why}`;
    const group = groups.get(key) ?? { first, names: [], hosts: 0 };
    group.hosts += 1;
    if (group.names.length < MOST_NAMES) group.names.push(host.name);
    groups.set(key, group);
  }
  const rest = sorted.length - Math.min(sorted.length, MOST_ASKED);
  const told = [...groups.values()].map(({ first, names, hosts }) => ({
    ...{ kind: first.kind, why: first.why, until: first.until, hosts, names },
  }));
  const others: readonly HostsWait[] =
    rest > 0 ? [{ kind: "batch", why: "their turn comes after these", until: null, hosts: rest, names: [] }] : [];
  return [...told.toSorted((a, b) => b.hosts - a.hosts), ...others];
}

/** How long it takes still; null: a person has to do something first. `measured`: of earlier rollouts. */
export function leftMs(view: RolloutView, measured: readonly Measured[], now: number): number | null {
  if (view.state !== "running") return null;
  const atRest = new Set(view.hosts.filter(({ state }) => isAtRest(state)).map(({ hostId }) => hostId));
  const { plan } = view;
  const hosts = plan.hosts.filter(({ hostId }) => !atRest.has(hostId));
  const stages = stagesOf(view, now);
  const waves = stages.map(({ wave, state, bakeUntil }) => {
    const bakeMs = state === "passed" ? 0 : bakeUntil === null ? wave.bakeMs : Math.max(0, bakeUntil - now);
    return { ...wave, hostIds: wave.hostIds.filter((id) => !atRest.has(id)), bakeMs };
  });
  const { ramp, reboot, timing } = plan;
  return forecastOf({ hosts, ramp, reboot, waves, timing }, measured).totalMs;
}

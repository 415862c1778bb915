import { plannedFor } from "./planned.ts";
import type { FleetView } from "./next.ts";
import { goesAlone } from "./reboots.ts";
import { hasPassed, stagesOf } from "./stages.ts";
import { isAtRest, isInFlight } from "./transitions.ts";
import type { HostInRollout, RolloutHostPlan, RolloutView } from "./types.ts";
import type { Wave } from "./waves.ts";

/** Hosts that may be permitted now, and how many of their wave may be in hand at once meanwhile. */
export interface Batch {
  readonly size: number;
  readonly hosts: readonly HostInRollout[];
  /** Who shares the batch's size: hosts of its wave that have work, or all of them where it is alone. */
  readonly wave: readonly HostInRollout[];
  /** Nothing else may be in hand, in this rollout and in any other: the controller goes down with it. */
  readonly isAlone: boolean;
}

/** One batch of each wave that is open. The controller's own host, where it is to be rebooted, comes after all others. */
export function openBatches(view: RolloutView, now: number): readonly Batch[] {
  const working = view.hosts.filter((host) => stepsOf(view, host.hostId) > 0);
  const last = working.filter((host) => isLast(view, host.hostId));
  const others = last.length === 0 ? working : working.filter((host) => !last.includes(host));
  const stages = stagesOf(view, now);
  if (last.length > 0 && others.every((host) => isAtRest(host.state)) && hasPassed(view, stages)) {
    return [{ size: 1, hosts: last, wave: working, isAlone: true }];
  }
  const byId = new Map(others.map((host) => [host.hostId, host]));
  return stages.flatMap(({ wave, state }) => {
    const hosts = wave.hostIds.flatMap((id) => byId.get(id) ?? []);
    // A host of a wave that has ended may be back.
    const isOpen =
      state === "open" || (state !== "blocked" && hosts.some((host) => isMoving(host) || host.state === "vetoed"));
    return isOpen ? [batchOf(wave, hosts)] : [];
  });
}

/**
 * The ramp: its entries are batches in the plan's order, the last repeats. All of a batch before the last entry must
 * be at rest before the next begins; within the last entry the window slides, or the batches go on.
 */
function batchOf({ ramp, mode }: Wave, hostsOfWave: readonly HostInRollout[]): Batch {
  const wave = inOrder(hostsOfWave);
  let from = 0;
  const last = ramp.at(-1) ?? 1;
  for (const size of ramp.slice(0, -1)) {
    const hosts = wave.slice(from, from + size);
    if (hosts.some((host) => !isAtRest(host.state))) return { size, hosts, wave, isAlone: false };
    from += size;
  }
  if (mode === "slide") return { size: last, hosts: wave.slice(from), wave, isAlone: false };
  for (; from + last < wave.length; from += last) {
    const hosts = wave.slice(from, from + last);
    if (hosts.some((host) => !isAtRest(host.state))) return { size: last, hosts, wave, isAlone: false };
  }
  return { size: last, hosts: wave.slice(from), wave, isAlone: false };
}

/**
 * In the plan's order, but those that others of the wave are to come before after them: a batch that waited for its leader
 * would wait for ever. Of two such the one that may not lead comes first.
 */
export function inOrder(wave: readonly HostInRollout[]): readonly HostInRollout[] {
  const rank = ({ state, care }: HostInRollout) =>
    isAtRest(state) || care.comesLast === null ? 0 : care.comesLast === "unknown" ? 1 : 2;
  return wave.toSorted((a, b) => rank(a) - rank(b));
}

/** Pending, or in our hands. */
export function isMoving({ state }: HostInRollout): boolean {
  return state === "pending" || isInFlight(state);
}

/** Permitted, and silent for so long that it was given up: it may be acting still, or down. */
export function isLost({ state, permit }: HostInRollout): boolean {
  return state === "unreachable" && permit !== null;
}

/** Since when a host is away, of the steady clock; null: it is connected. */
export function awayOf(hostId: string, fleet: Pick<FleetView, "hosts" | "listeningSince">): number | null {
  const presence = fleet.hosts.get(hostId);
  return presence ? presence.awaySince : fleet.listeningSince;
}

export function stepsOf(view: RolloutView, hostId: string): number {
  return planned(view, hostId)?.steps.length ?? 0;
}

export function residueOf(view: RolloutView, hostId: string): readonly string[] {
  return planned(view, hostId)?.residue ?? [];
}

export function names(hosts: readonly HostInRollout[]): string {
  return hosts.map((host) => host.name).join(", ");
}

function isLast(view: RolloutView, hostId: string): boolean {
  const host = planned(view, hostId);
  return host !== undefined && goesAlone(host);
}

function planned(view: RolloutView, hostId: string): RolloutHostPlan | undefined {
  return plannedFor(view.plan, hostId);
}

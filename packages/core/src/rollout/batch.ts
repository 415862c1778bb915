import type { FleetView } from "./next.ts";
import { goesAlone } from "./reboots.ts";
import { isAtRest, isInFlight } from "./transitions.ts";
import type { HostInRollout, RolloutHostPlan, RolloutView } from "./types.ts";

/** Hosts that may be permitted now, and how many of all hosts may be in hand at once meanwhile. */
export interface Batch {
  readonly size: number;
  readonly hosts: readonly HostInRollout[];
  /** Nothing else may be in hand, in this rollout and in any other: the controller goes down with it. */
  readonly isAlone: boolean;
}

/**
 * The ramp: its entries are batches in the plan's order, the last repeats. All of a batch before the last entry must
 * be at rest before the next begins; within the last entry the window slides. The controller's own host, where it is to be
 * rebooted, comes after all others are at rest.
 */
export function openBatch(view: RolloutView): Batch {
  const working = view.hosts.filter((host) => stepsOf(view, host.hostId) > 0);
  const last = working.filter((host) => isLast(view, host.hostId));
  const others = working.filter((host) => !last.includes(host));
  const { ramp } = view.plan;
  let from = 0;
  for (const size of ramp.slice(0, -1)) {
    const batch = others.slice(from, from + size);
    if (batch.some((host) => !isAtRest(host.state))) return { size, hosts: batch, isAlone: false };
    from += size;
  }
  const rest = others.slice(from);
  if (last.length > 0 && rest.every((host) => isAtRest(host.state))) return { size: 1, hosts: last, isAlone: true };
  return { size: ramp.at(-1) ?? 1, hosts: rest, isAlone: false };
}

/** Pending, or in our hands. */
export function isMoving({ state }: HostInRollout): boolean {
  return state === "pending" || isInFlight(state);
}

/** Permitted, and silent for so long that it was given up: it may be acting still, or down. */
export function isLost({ state, permit }: HostInRollout): boolean {
  return state === "unreachable" && permit !== null;
}

export function awayOf(hostId: string, fleet: FleetView): number | null {
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
  return view.plan.hosts.find((host) => host.hostId === hostId);
}

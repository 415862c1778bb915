import { awayOf, isLost } from "./batch.ts";
import { type Budget, isTaken } from "./budgets.ts";
import type { Charge } from "./charges.ts";
import { holdText } from "./holds.ts";
import type { FleetView } from "./next.ts";
import { isInFlight } from "./transitions.ts";
import type { HostInRollout, RolloutView } from "./types.ts";

/** Why a host counts as unavailable. */
export interface Cause {
  readonly why: string;
  /** Null: no rollout's doing. */
  readonly rolloutId: string | null;
  /** Epoch milliseconds of the controller's wall clock. */
  readonly since: number;
}

export interface Known {
  readonly open: readonly RolloutView[];
  readonly charges: ReadonlyMap<string, Charge>;
  readonly fleet: Pick<FleetView, "hosts" | "listeningSince" | "holds">;
  readonly writtenOff: ReadonlySet<string>;
  /** Of both clocks at one moment: those of `fleet.hosts` are steady. */
  readonly wall: number;
  readonly steady: number;
}

/** Every cause, the nearest first, for which budgets count a host as unavailable. */
export type Causes = (hostId: string) => readonly Cause[];

/** What `permits` counts, told by name. */
export function causesIn({ open, charges, fleet, writtenOff, wall, steady }: Known): Causes {
  const inRollouts = inOpenRollouts(open);
  return (hostId) => {
    const found = inRollouts.get(hostId) ?? [];
    const charge = charges.get(hostId);
    const isTold = charge && found.some(({ rolloutId }) => rolloutId === charge.rolloutId);
    const left = charge && !isTold ? [leftBy(charge)] : [];
    const awaySince = writtenOff.has(hostId) ? null : awayOf(hostId, fleet);
    const away =
      awaySince === null ? [] : [{ why: "not connected", rolloutId: null, since: wall - (steady - awaySince) }];
    const hold = fleet.holds.cordons.get(hostId);
    const cordon = hold ? [{ why: `cordoned ${holdText(hold)}`, rolloutId: null, since: hold.since }] : [];
    return [...found, ...left, ...away, ...cordon];
  };
}

function leftBy({ rolloutId, why, since }: Charge): Cause {
  return { why: `failed or lost in rollout ${rolloutId}: ${why}`, rolloutId, since };
}

function inOpenRollouts(open: readonly RolloutView[]): ReadonlyMap<string, readonly Cause[]> {
  const causes = new Map<string, Cause[]>();
  for (const { plan, hosts } of open) {
    for (const host of hosts) {
      const why = whyIn(plan.id, host);
      if (why === null) continue;
      const cause = { why, rolloutId: plan.id, since: host.changedAt };
      const known = causes.get(host.hostId);
      if (known) known.push(cause);
      else causes.set(host.hostId, [cause]);
    }
  }
  return causes;
}

function whyIn(rolloutId: string, host: HostInRollout): string | null {
  if (isInFlight(host.state)) return `in hand of rollout ${rolloutId} (${host.state})`;
  if (isLost(host)) return `lost in rollout ${rolloutId}: ${host.reason}`;
  return host.state === "failed" ? `failed in rollout ${rolloutId}: ${host.reason}` : null;
}

/** What a budget has taken and left. */
export interface BudgetUse {
  readonly name: string;
  readonly groups: readonly GroupUse[];
  /** Groups that may have a host that is unavailable, and those of them that are free; null: any number. */
  readonly maxGroups: number | null;
  readonly groupsLeft: number | null;
}

export interface GroupUse {
  readonly value: string;
  readonly size: number;
  /** So many of them may be unavailable at once. */
  readonly most: number;
  readonly charged: readonly { readonly hostId: string; readonly causes: readonly Cause[] }[];
  /** Ids of those that are not charged, for a person wrote them off. */
  readonly writtenOff: readonly string[];
  /** So many more may be taken; outages that nobody ordered may leave none and more than that. */
  readonly left: number;
}

/** `isWrittenOff`: hosts that are charged to nothing, for a person said so. */
export function useOf(
  { name, groups, maxGroups }: Budget,
  causes: Causes,
  isWrittenOff: ReadonlySet<string>,
): BudgetUse {
  const uses = groups.map(({ value, hostIds, most }): GroupUse => {
    const charged = hostIds
      .map((hostId) => ({ hostId, causes: causes(hostId) }))
      .filter((host) => host.causes.length > 0);
    const taken = new Set(charged.map(({ hostId }) => hostId));
    const writtenOff = hostIds.filter((hostId) => isWrittenOff.has(hostId) && !taken.has(hostId));
    return { value, size: hostIds.length, most, charged, writtenOff, left: Math.max(0, most - charged.length) };
  });
  const taken = groups.filter((group) => isTaken(group, (hostId) => causes(hostId).length > 0)).length;
  return { name, groups: uses, maxGroups, groupsLeft: maxGroups === null ? null : Math.max(0, maxGroups - taken) };
}

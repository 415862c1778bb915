import { awayOf, isLost } from "./batch.ts";
import type { Budget } from "./budgets.ts";
import type { Charge } from "./charges.ts";
import { holdText } from "./holds.ts";
import type { FleetView } from "./next.ts";
import { isInFlight } from "./transitions.ts";
import type { RolloutView } from "./types.ts";

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

/** Every cause, the nearest first, for which budgets count this host as unavailable: what `permits` counts, told by name. */
export function causesOf(hostId: string, known: Known): readonly Cause[] {
  const { open, charges, fleet, writtenOff, wall, steady } = known;
  const inRollouts = open.flatMap((view) => inRollout(hostId, view));
  const charge = charges.get(hostId);
  const isTold = charge && inRollouts.some(({ rolloutId }) => rolloutId === charge.rolloutId);
  const left =
    charge && !isTold ? [{ ...charge, why: `failed or lost in rollout ${charge.rolloutId}: ${charge.why}` }] : [];
  const awaySince = writtenOff.has(hostId) ? null : awayOf(hostId, fleet);
  const away =
    awaySince === null ? [] : [{ why: "not connected", rolloutId: null, since: wall - (steady - awaySince) }];
  const hold = fleet.holds.cordons.get(hostId);
  const cordon = hold ? [{ why: `cordoned ${holdText(hold)}`, rolloutId: null, since: hold.since }] : [];
  return [...inRollouts, ...left.map(({ why, rolloutId, since }) => ({ why, rolloutId, since })), ...away, ...cordon];
}

function inRollout(hostId: string, { plan, hosts }: RolloutView): readonly Cause[] {
  const host = hosts.find((each) => each.hostId === hostId);
  if (!host) return [];
  const cause = (why: string) => [{ why, rolloutId: plan.id, since: host.changedAt }];
  if (isInFlight(host.state)) return cause(`in hand of rollout ${plan.id} (${host.state})`);
  if (isLost(host)) return cause(`lost in rollout ${plan.id}: ${host.reason}`);
  return host.state === "failed" ? cause(`failed in rollout ${plan.id}: ${host.reason}`) : [];
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
  /** So many more may be taken; outages that nobody ordered may leave none and more than that. */
  readonly left: number;
}

export function useOf({ name, groups, maxGroups }: Budget, known: Known): BudgetUse {
  const uses = groups.map(({ value, hostIds, most }): GroupUse => {
    const charged = hostIds
      .map((hostId) => ({ hostId, causes: causesOf(hostId, known) }))
      .filter(({ causes }) => causes.length > 0);
    return { value, size: hostIds.length, most, charged, left: Math.max(0, most - charged.length) };
  });
  const taken = uses.filter(({ charged }) => charged.length > 0).length;
  return { name, groups: uses, maxGroups, groupsLeft: maxGroups === null ? null : Math.max(0, maxGroups - taken) };
}

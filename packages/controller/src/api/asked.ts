import { type Candidate, type FleetHost, type Reach, reachOf, selectReached } from "@afterpatch/core/fleet/reach";
import type { Scope } from "@afterpatch/core/fleet/scope";
import { ScopeError, scopeFromWire } from "@afterpatch/wire/convert/scope";
import { peerOf } from "../listen/peer.ts";
import type { Host, Hosts } from "../store/hosts.ts";
import { refuseEmptyFleet, refused, refuseSelection } from "./refuse.ts";

type WireScope = Parameters<typeof scopeFromWire>[0];

/** Hosts that were asked for, and how the inventory fits that was given; null: none was. */
export interface Asked<H> {
  readonly hosts: readonly H[];
  readonly reached: { readonly notEnrolled: string[]; readonly notes: string[] } | null;
}

/** Empty: all hosts, also where there are none. */
export async function selected(
  deps: { readonly hosts: Hosts },
  pattern: string,
  scope?: WireScope,
): Promise<Asked<Host>> {
  return selectedOf(await deps.hosts.list(), pattern, scope);
}

/** Of these hosts; see `selected`. */
export function selectedOf<H extends FleetHost>(all: readonly H[], pattern: string, wire?: WireScope): Asked<H> {
  const scope = scopeOrRefuse(wire);
  if (pattern === "" && scope.inventory === null && scope.limits.length === 0) return { hosts: all, reached: null };
  if (all.length === 0 && scope.inventory === null) refuseEmptyFleet();
  const reach = reachOrRefuse(all, scope);
  const selection = selectReached(pattern || "all", scope.limits, reach);
  if (selection.kind !== "selected") return refuseSelection(pattern || "all", selection);
  const hosts = selection.hosts.flatMap(({ host }) => host ?? []);
  return { hosts, reached: scope.inventory && reachedOf(selection.hosts, reach) };
}

/** What people are told of hosts that an inventory names. */
export function reachedOf<H>(candidates: readonly Candidate<H>[], { notes }: Pick<Reach<H>, "notes">) {
  const notEnrolled = candidates.flatMap(({ name, host }) => (host === null ? [name] : []));
  return { notEnrolled, notes: [...notes] };
}

export function scopeOrRefuse(wire: WireScope): Scope {
  try {
    return scopeFromWire(wire);
  } catch (error) {
    if (!(error instanceof ScopeError)) throw error;
    throw refused("bad-argument", `scope: ${error.message}`);
  }
}

export function reachOrRefuse<H extends FleetHost>(all: readonly H[], scope: Scope): Reach<H> {
  const reach = reachOf(all, scope.inventory);
  if (reach.kind === "reach") return reach;
  throw refused("bad-argument", `inventory: ${reach.why}`);
}

/** Who calls. */
export function nameOf(call: Parameters<typeof peerOf>[0]): string {
  const peer = peerOf(call);
  return peer.kind === "operator" ? peer.name : peer.id;
}

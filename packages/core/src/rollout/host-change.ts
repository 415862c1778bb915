import { canHostFollow, isClosed } from "./transitions.ts";
import type { HostInRollout, HostState, RolloutView } from "./types.ts";

export type Followed =
  | { readonly kind: "followed"; readonly view: RolloutView }
  | { readonly kind: "refused"; readonly why: string };

/** What becomes of a host beside its state. */
export type Change = Partial<
  Pick<HostInRollout, "reason" | "steps" | "residue" | "permit" | "permits" | "vetoes" | "againAt" | "care">
>;

/** Refused unless the permit is the newest of its host. */
export function withPermit(
  view: RolloutView,
  event: { readonly at: number; readonly hostId: string; readonly permitId: string },
  to: HostState,
  change: Change,
): Followed {
  const host = view.hosts.find((h) => h.hostId === event.hostId);
  if (host && host.permit?.id !== event.permitId) {
    return { kind: "refused", why: `${host.name}: permit ${event.permitId} is not its newest` };
  }
  return toHost(view, event, to, change);
}

/** The rollout with one host in another state, or why it cannot be. */
export function toHost(
  view: RolloutView,
  event: { readonly at: number; readonly hostId: string },
  to: HostState,
  change: Change,
): Followed {
  const index = view.hosts.findIndex((h) => h.hostId === event.hostId);
  const host = view.hosts[index];
  if (!host) return { kind: "refused", why: `host ${event.hostId} is not in this rollout` };
  if (view.state === "planned" || isClosed(view.state)) return { kind: "refused", why: `the rollout is ${view.state}` };
  if (!canHostFollow(host.state, to))
    return { kind: "refused", why: `${host.name}: ${to} cannot follow ${host.state}` };
  const hosts = view.hosts.with(index, { ...host, ...change, state: to, changedAt: event.at });
  return { kind: "followed", view: { ...view, hosts, version: view.version + 1 } };
}

/** The host that an event is of. */
export function hostOf(view: RolloutView, { hostId }: { readonly hostId: string }): HostInRollout | undefined {
  return view.hosts.find((host) => host.hostId === hostId);
}

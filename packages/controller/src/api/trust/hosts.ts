import { isInFlight } from "@afterpatch/core/rollout/transitions";
import type { RolloutView } from "@afterpatch/core/rollout/types";
import { type Handlers, unary } from "@afterpatch/wire/rpc";
import type { trustService } from "@afterpatch/wire/services";
import type { Fleet } from "../../fleet/fleet.ts";
import type { Peer } from "../../listen/peer.ts";
import type { Clock, Log } from "../../ports.ts";
import type { RolloutEngine } from "../../rollouts/engine.ts";
import { type By, user } from "../../store/audit.ts";
import type { Hosts } from "../../store/hosts.ts";
import type { Renewals } from "../../store/renewals.ts";
import { nameOf } from "../asked.ts";
import { oneHost } from "../charges.ts";
import { reasonOf } from "../holds.ts";
import { refused } from "../refuse.ts";

export interface HostTrustDeps {
  readonly hosts: Hosts;
  readonly renewals: Pick<Renewals, "asking" | "approve">;
  readonly fleet: Fleet;
  readonly engine: Pick<RolloutEngine, "open">;
  readonly clock: Clock;
  readonly log: Log;
  /** Ends the connections of these peers at once, open streams included. */
  readonly cut: (isMeant: (peer: Peer) => boolean) => void;
}

type Trust = Handlers<typeof trustService>;
export type HostTrustCalls = "revokeHost" | "forgetHost" | "listWaitingHosts" | "readmitHost" | "releaseHost";

/** Which hosts are let in. */
export function hostTrustHandlers(deps: HostTrustDeps): Pick<Trust, HostTrustCalls> {
  return {
    revokeHost: unary(({ host, reason }, call) => revoke(deps, host, "revoke", byOf(deps, call, reason))),
    forgetHost: unary(({ host, reason }, call) => revoke(deps, host, "forget", byOf(deps, call, reason))),
    listWaitingHosts: unary(async () => ({ hosts: [...(await waiting(deps))] })),
    readmitHost: unary(({ host, reason }, call) => readmit(deps, host, byOf(deps, call, reason))),
    releaseHost: unary(({ host, reason }, call) => release(deps, host, byOf(deps, call, reason))),
  };
}

type Call = Parameters<typeof nameOf>[0];

/** Who orders it now, and why. */
export function byOf({ clock }: { readonly clock: Pick<Clock, "now"> }, call: Call, reason: string) {
  return { actor: user(nameOf(call)), at: clock.now(), reason: reasonOf(reason) };
}

/**
 * One host by name is let in no more: first in the store, so that nobody slips in again, then its connections end. A host in
 * hand is revoked all the same: whoever holds a stolen key must not finish. Its rollout loses it as any host that is gone.
 */
export async function revoke(deps: HostTrustDeps, pattern: string, how: "revoke" | "forget", by: By) {
  const { hosts, fleet, engine, log } = deps;
  // Its name is what remains of one that was revoked before.
  const gone = how === "forget" ? await hosts.revoked(pattern) : null;
  const { id, name } = gone ?? (await oneHost(hosts, pattern));
  const wasConnected = fleet.isConnected(id);
  const isBusy = (view: RolloutView) => view.hosts.some(({ hostId, state }) => hostId === id && isInFlight(state));
  const inHandOf = engine.open().find(isBusy)?.plan.id ?? "";
  await hosts[how](id, by);
  deps.cut((peer) => peer.kind === "host" && peer.id === id);
  log.warn({ host: name, id, ...by, wasConnected }, how === "revoke" ? "host revoked" : "host forgotten");
  return { id, name, wasConnected, inHandOf };
}

async function waiting({ hosts, renewals }: HostTrustDeps) {
  const expired = (await renewals.asking()).map(({ hostId: id, name, askedAt: since }) => ({
    id,
    name,
    why: "expired",
    since,
  }));
  const all = await hosts.list();
  const quarantined = all.filter(({ state }) => state === "quarantined");
  return [...expired, ...quarantined.map(({ id, name }) => ({ id, name, why: "quarantined", since: 0 }))];
}

async function readmit({ hosts, renewals, log }: HostTrustDeps, pattern: string, by: By) {
  const { id, name } = await oneHost(hosts, pattern);
  if (!(await renewals.approve(id, by)))
    throw refused("bad-argument", `${name} does not ask to be let in again; see 'afterpatch hosts waiting'`);
  log.warn({ host: name, id, ...by }, "readmission approved");
  return { id, name, why: "expired", since: 0 };
}

async function release({ hosts, fleet, log }: HostTrustDeps, pattern: string, by: By) {
  const { id, name } = await oneHost(hosts, pattern);
  if (!(await hosts.release(id, by)))
    throw refused("bad-argument", `${name} is not in quarantine; see 'afterpatch hosts waiting'`);
  fleet.forgetInstances(id);
  log.warn({ host: name, id, ...by }, "quarantine ended");
  return { id, name, why: "quarantined", since: 0 };
}

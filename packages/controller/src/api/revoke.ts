import { isInFlight } from "@afterpatch/core/rollout/transitions";
import type { RolloutView } from "@afterpatch/core/rollout/types";
import { type Handlers, unary } from "@afterpatch/wire/rpc";
import type { controlService } from "@afterpatch/wire/services";
import type { Fleet } from "../fleet/fleet.ts";
import type { Peer } from "../listen/peer.ts";
import type { Clock, Log } from "../ports.ts";
import type { RolloutEngine } from "../rollouts/engine.ts";
import type { Hosts } from "../store/hosts.ts";
import { nameOf } from "./asked.ts";
import { oneHost } from "./charges.ts";
import { reasonOf } from "./holds.ts";

export interface RevokeApiDeps {
  readonly hosts: Hosts;
  readonly fleet: Fleet;
  readonly engine: Pick<RolloutEngine, "open">;
  readonly clock: Clock;
  readonly log: Log;
  /** Ends the connections of these peers at once, open streams included. */
  readonly cut: (isMeant: (peer: Peer) => boolean) => void;
}

type Control = Handlers<typeof controlService>;
export type RevokeCalls = "revokeHost";

export function revokeHandlers(deps: RevokeApiDeps): Pick<Control, RevokeCalls> {
  return { revokeHost: unary(({ host, reason }, call) => revoke(deps, host, reason, nameOf(call))) };
}

/**
 * One host by name is let in no more: first in the store, so that nobody slips in again, then its connections end. A host in
 * hand is revoked all the same: whoever holds a stolen key must not finish. Its rollout loses it as any host that is gone.
 */
export async function revoke(deps: RevokeApiDeps, pattern: string, why: string, actor: string) {
  const { hosts, fleet, engine, clock, log } = deps;
  const reason = reasonOf(why);
  const { id, name } = await oneHost(hosts, pattern);
  const wasConnected = fleet.isConnected(id);
  const isBusy = (view: RolloutView) => view.hosts.some(({ hostId, state }) => hostId === id && isInFlight(state));
  const inHandOf = engine.open().find(isBusy)?.plan.id ?? "";
  await hosts.revoke(id, clock.now());
  deps.cut((peer) => peer.kind === "host" && peer.id === id);
  log.warn({ host: name, id, actor, reason, wasConnected }, "host revoked");
  return { id, name, wasConnected, inHandOf };
}

import { type Followed, hostOf } from "./host-change.ts";
import { hasFailed } from "./stop.ts";
import { canHostFollow } from "./transitions.ts";
import type { RolloutEvent } from "./event.ts";
import type { RolloutView } from "./types.ts";

/** That a person wrote a host off, so that it is charged to no budget until it fails or is lost in a later permit. */
export interface WriteOff {
  readonly hostId: string;
  /** In whose log it stands; null: the host was away, and in no rollout. */
  readonly rolloutId: string | null;
  readonly actor: string;
  readonly reason: string;
  /** Epoch milliseconds of the controller's clock. */
  readonly since: number;
}

/** Follows in a rollout that has ended as well: a host stays dead for longer than its rollout is open. */
export function writtenOff(view: RolloutView, event: Extract<RolloutEvent, { type: "written-off" }>): Followed {
  const host = hostOf(view, event);
  if (!host) return { kind: "refused", why: `host ${event.hostId} is not in this rollout` };
  if (view.state === "planned") return { kind: "refused", why: "the rollout is planned" };
  if (!canHostFollow(host.state, "written-off")) {
    return { kind: "refused", why: `${host.name}: written-off cannot follow ${host.state}` };
  }
  const reason = `written off by ${event.actor}: ${event.why}${host.reason === "" ? "" : `; ${host.state} before: ${host.reason}`}`;
  const failedBefore = hasFailed(view, host);
  const after = { ...host, state: "written-off", reason, failedBefore, changedAt: event.at } as const;
  const hosts = view.hosts.map((each) => (each === host ? after : each));
  return { kind: "followed", view: { ...view, hosts, version: view.version + 1 } };
}

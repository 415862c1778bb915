import { follow } from "@afterpatch/core/rollout/fold";
import type { PermitUpdate } from "@afterpatch/core/session";
import type { Fleet } from "../fleet/fleet.ts";
import type { Clock } from "../ports.ts";
import type { Proves } from "./events.ts";
import type { OpenRollouts } from "./open-rollouts.ts";

export interface NewsDeps {
  readonly fleet: Fleet;
  readonly clock: Clock;
  readonly proves: Proves;
}

/** Stores what a host says of a permit, and acknowledges an end once it is stored or nobody waits for it any more. */
export async function takeNews(
  rollouts: OpenRollouts,
  { fleet, clock, proves }: NewsDeps,
  hostId: string,
  update: PermitUpdate,
): Promise<void> {
  const isIts = ({
    hostId: id,
    permit,
  }: {
    readonly hostId: string;
    readonly permit: { readonly id: string } | null;
  }) => id === hostId && permit?.id === update.permitId;
  const view = rollouts.all().find(({ hosts }) => hosts.some(isIts));
  const event = view && (await proves(view, hostId, update, { at: clock.now(), steadyAt: clock.steady() }));
  // One that cannot follow is a repeated or overtaken message: the host is past it.
  if (event && follow(view, event).kind === "followed") await rollouts.append(view, event);
  if (update.state === "finished") fleet.send(hostId, { kind: "permit-ack", permitId: update.permitId });
}

import { isLost } from "@afterpatch/core/rollout/batch";
import type { FleetView } from "@afterpatch/core/rollout/next";
import { goesAlone } from "@afterpatch/core/rollout/reboots";
import { isInFlight } from "@afterpatch/core/rollout/transitions";
import type { HostInRollout, RolloutView } from "@afterpatch/core/rollout/types";

/** What the other open rollouts are to this one. `charged`: hosts that failed or were lost in any, and have not proved themselves since. */
export function beyond(
  open: Iterable<RolloutView>,
  rolloutId: string,
  charged: ReadonlySet<string>,
): Pick<FleetView, "elsewhere" | "unavailable" | "leavingFor"> {
  const others = [...open].filter((view) => view.plan.id !== rolloutId);
  const inHand = others.flatMap(({ hosts }) => hosts.filter((host) => isInFlight(host.state) || isLost(host)));
  const leaving = others.flatMap((view) => view.hosts.filter((host) => isInFlight(host.state) && isAlone(view, host)));
  const unavailable = new Set([...charged, ...inHand.map(({ hostId }) => hostId)]);
  return { elsewhere: inHand.map(({ name }) => name), unavailable, leavingFor: leaving[0]?.name ?? null };
}

function isAlone({ plan }: RolloutView, { hostId }: HostInRollout): boolean {
  return plan.hosts.some((host) => host.hostId === hostId && goesAlone(host));
}

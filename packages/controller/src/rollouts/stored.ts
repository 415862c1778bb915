import { NO_REBOOT } from "@afterpatch/core/plan/reboot";
import { fold } from "@afterpatch/core/rollout/fold";
import type { RolloutHostPlan, RolloutPlan, RolloutView } from "@afterpatch/core/rollout/types";
import type { StoredRollout } from "../store/rollout-store.ts";

/** The rollout that the store holds, also one of before reboots were planned. Throws when its events cannot have happened. */
export function viewOf({ plan, events }: StoredRollout): RolloutView {
  return fold(whole(plan), events);
}

const UNKNOWN = { expectedKernel: null, runningKernel: null, holdsController: false };

/** What an older version did not know is what it did: no reboot. */
function whole(plan: Omit<RolloutPlan, "reboot" | "hosts"> & Partial<Pick<RolloutPlan, "reboot">> & OldHosts) {
  return { ...plan, reboot: plan.reboot ?? NO_REBOOT, hosts: plan.hosts.map((host) => ({ ...UNKNOWN, ...host })) };
}

interface OldHosts {
  readonly hosts: readonly (Omit<RolloutHostPlan, keyof typeof UNKNOWN> &
    Partial<Pick<RolloutHostPlan, keyof typeof UNKNOWN>>)[];
}

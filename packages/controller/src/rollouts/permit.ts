import { rebootOf } from "@afterpatch/core/rollout/reboots";
import type { RolloutEvent } from "@afterpatch/core/rollout/event";
import type { RolloutView } from "@afterpatch/core/rollout/types";
import type { Permit } from "@afterpatch/core/session";

/** The message for a stored `permitted` event. */
export function permitOf(view: RolloutView, event: Extract<RolloutEvent, { type: "permitted" }>): Permit {
  const host = view.plan.hosts.find((h) => h.hostId === event.hostId);
  if (!host) throw new Error(`rollout ${view.plan.id}: host ${event.hostId} is not in its plan`);
  const { beginWithinMs, deadlineMs, graceMs, settleMs } = view.plan.timing;
  const reboot = rebootOf(view.plan, event.hostId);
  return {
    permitId: event.permitId,
    rolloutId: view.plan.id,
    hostId: event.hostId,
    bootId: event.bootId,
    epoch: event.epoch,
    planDigest: host.digest,
    steps: host.steps,
    beginWithinMs,
    // People have their time before anything is done, and the host all of its own after it.
    deadlineMs: deadlineMs + (reboot.mode === "never" ? 0 : reboot.delayMs),
    graceMs,
    settleMs,
    allowNew: view.plan.allowNew,
    reboot,
    ...(host.leave ? { leave: host.leave } : {}),
    ...((view.plan.order?.filter.restarts ?? []).length > 0 ? { isOrdered: true } : {}),
  };
}

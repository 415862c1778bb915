import { plannedFor } from "./planned.ts";
import { NO_REBOOT, type RebootOrder } from "../plan/reboot.ts";
import type { RolloutHostPlan, RolloutPlan } from "./types.ts";

/** Over the whole fleet one reboot begins in this time at most, however many rollouts are open: a brake, not a budget. */
export const REBOOT_EVERY_MS = 10_000;

/** Whether a plan holds a reboot. */
export function isRebooted({ steps }: Pick<RolloutHostPlan, "steps">): boolean {
  return steps.some((step) => step.kind === "reboot");
}

export function isHostRebooted(plan: RolloutPlan, hostId: string): boolean {
  const host = plannedFor(plan, hostId);
  return host !== undefined && isRebooted(host);
}

/** What a permit of this host says of reboots. One whose plan was shown without a reboot gets none, whatever it needs by now. */
export function rebootOf(plan: RolloutPlan, hostId: string): RebootOrder {
  return isHostRebooted(plan, hostId) ? plan.reboot : NO_REBOOT;
}

/** From the last moment to begin until the host has said how it ended, or is silent for too long. */
export function lastsMs(plan: RolloutPlan, hostId: string): number {
  const { deadlineMs } = plan.timing;
  if (!isHostRebooted(plan, hostId)) return deadlineMs;
  const { delayMs, withinMs, settleMs } = plan.reboot;
  return deadlineMs + delayMs + withinMs + settleMs;
}

/** The controller would go down in the middle of other hosts' work: its own host is rebooted last, and alone. */
export function goesAlone(host: RolloutHostPlan): boolean {
  return host.holdsController && isRebooted(host);
}

import { rebootOf } from "@afterpatch/core/rollout/reboots";
import type { HostInRollout, RolloutView } from "@afterpatch/core/rollout/types";
import type { pb } from "../messages.ts";
import { stepToWire } from "./session.ts";

type WireRollout = ReturnType<typeof pb.v1.Rollout.decode>;

/** A rollout as operators see it. */
export function rolloutToWire(view: RolloutView): WireRollout {
  const working = new Set(view.plan.hosts.flatMap(({ hostId, steps }) => (steps.length > 0 ? [hostId] : [])));
  const { id, name, reason, actor, createdAt, digest } = view.plan;
  const hosts = view.hosts.map((host) => ({
    name: host.name,
    hostId: host.hostId,
    state: host.state,
    reason: host.reason,
    steps: host.steps.map(stepToWire),
    residue: [...host.residue],
    changedAt: host.changedAt,
    hasWork: working.has(host.hostId),
    rebootDueAt: dueAt(view, host),
  }));
  const uncovered = view.plan.uncovered.map((one) => ({ ...one }));
  const { state, why, version } = view;
  return {
    id,
    name,
    reason,
    actor,
    createdAt,
    digest,
    hosts,
    state,
    why,
    version,
    uncovered,
    endedAt: view.endedAt ?? 0,
  };
}

/**
 * When the reboot of a host is due that its people were told of; 0: none waits. People have their time before anything is
 * done: once a step has ended it is over.
 */
function dueAt({ plan }: RolloutView, { hostId, state, steps, changedAt }: HostInRollout): number {
  const { mode, delayMs } = rebootOf(plan, hostId);
  const isWaiting = state === "acting" && steps.length === 0 && mode !== "never" && delayMs > 0;
  return isWaiting ? changedAt + delayMs : 0;
}

import type { RolloutView } from "@afterpatch/core/rollout/types";
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

import type { RolloutEvent } from "@afterpatch/core/rollout/event";
import type { RolloutView } from "@afterpatch/core/rollout/types";
import type { AuditHead } from "../audit.ts";
import type { pb } from "../messages.ts";
import { stepToWire } from "./session.ts";

type ReportHead = ReturnType<typeof pb.v1.ReportHead.decode>;
type ReportedHost = ReturnType<typeof pb.v1.ReportedHost.decode>;
type ReportedOrder = ReportHead["orders"][number];

/** An entry of the audit log that tells of a rollout; `hostId` null: of no host of it. */
interface Entry {
  readonly seq: number;
  readonly hostId: string | null;
}

/** Where there is one wave without a name of its own. */
const ONLY_WAVE = "1";

/** Who ordered what, and how it ended. */
export function reportHead(
  view: RolloutView,
  events: readonly RolloutEvent[],
  entries: readonly Entry[],
  head: AuditHead,
): ReportHead {
  const { id, name, reason, actor, createdAt, digest, pattern, shape, uncovered } = view.plan;
  const { state, why, endedAt } = view;
  const names = new Map(view.hosts.map((host) => [host.hostId, host.name]));
  return {
    ...{ id, name, reason, state, why, actor, createdAt, endedAt: endedAt ?? 0, digest, pattern },
    waves: shape?.waves.map((wave) => wave.name) ?? [ONLY_WAVE],
    orders: events.flatMap((event) => orderIn(event, names)),
    uncovered: uncovered.map((one) => ({ ...one })),
    hosts: view.hosts.length,
    audit: entries.filter(({ hostId }) => hostId === null).map(({ seq }) => seq),
    auditHeadSeq: head.seq,
    auditHeadSha256: head.sha256,
  };
}

function orderIn(event: RolloutEvent, names: ReadonlyMap<string, string>): readonly ReportedOrder[] {
  if (!("actor" in event)) return [];
  const { type, at, actor } = event;
  const host = "hostId" in event ? (names.get(event.hostId) ?? event.hostId) : "";
  return [{ type, at, actor, why: "why" in event ? event.why : "", wave: "wave" in event ? event.wave : "", host }];
}

/** Each host in its order: what was planned, what was done, and by what it was judged. */
export function reportedHosts(
  view: RolloutView,
  events: readonly RolloutEvent[],
  entries: readonly Entry[],
): readonly ReportedHost[] {
  const { plan } = view;
  const waves = new Map(plan.shape?.waves.flatMap(({ name, hostIds }) => hostIds.map((id) => [id, name] as const)));
  const planned = new Map(plan.hosts.map(({ hostId, steps }) => [hostId, steps]));
  const own = Map.groupBy(
    events.filter((event) => "hostId" in event),
    ({ hostId }) => hostId,
  );
  const audited = Map.groupBy(entries, ({ hostId }) => hostId);
  return view.hosts.map((host) => {
    const { hostId, name, state, reason, changedAt, steps, residue } = host;
    const happened = own.get(hostId) ?? [];
    const proof = happened.findLast((event) => "proof" in event);
    return {
      ...{ hostId, name, wave: waves.get(hostId) ?? ONLY_WAVE, state, reason, changedAt },
      planned: (planned.get(hostId) ?? []).map(({ kind, target }) => ({ kind, target })),
      steps: steps.map(stepToWire),
      residue: [...residue],
      permits: happened.flatMap((event) =>
        event.type === "permitted"
          ? [{ id: event.permitId, at: event.at, bootId: event.bootId, epoch: event.epoch }]
          : [],
      ),
      proof: proof && "proof" in proof && proof.proof ? { ...proof.proof } : null,
      audit: (audited.get(hostId) ?? []).map(({ seq }) => seq),
    };
  });
}

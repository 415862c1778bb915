import { HOST_STATES, type HostState, ROLLOUT_STATES, type RolloutState } from "@afterpatch/core/rollout/types";
import { visible } from "@afterpatch/core/text";
import { formatHead } from "@afterpatch/wire/audit";
import type { WholeReport } from "../connection.ts";
import { type UncoveredDocument, uncoveredDocuments } from "./plan.ts";
import { known, type RolloutDocument, type RolloutStepDocument, stepDocument, totalsOf } from "./rollout.ts";

/** `afterpatch.report/v1`: what an auditor is given of a rollout. Times are epoch milliseconds; what is not known is null. */
export interface ReportDocument {
  readonly schema: "afterpatch.report/v1";
  /** Null where there was nothing to do and no rollout was made. */
  readonly id: string | null;
  readonly name: string;
  readonly reason: string;
  readonly state: RolloutState;
  readonly why: string;
  readonly actor: string | null;
  readonly createdAt: number | null;
  readonly endedAt: number | null;
  readonly digest: string;
  readonly pattern: string;
  /** Names, in their order. */
  readonly waves: readonly string[];
  /** What people ordered after the start. */
  readonly orders: readonly OrderDocument[];
  readonly hosts: readonly ReportedHostDocument[];
  readonly uncovered: readonly UncoveredDocument[];
  readonly totals: Readonly<Record<HostState, number>>;
  /** Null where no rollout was made. */
  readonly audit: { readonly head: string; readonly entries: readonly number[] } | null;
}

export interface OrderDocument {
  /** `approved`, `paused`, `resumed`, `abort-requested`, `written-off`. */
  readonly type: string;
  readonly at: number;
  readonly actor: string;
  readonly why: string | null;
  readonly wave: string | null;
  readonly host: string | null;
}

export interface ReportedHostDocument {
  readonly id: string;
  readonly name: string;
  readonly wave: string;
  readonly state: HostState;
  readonly reason: string;
  readonly changedAt: number | null;
  readonly items: readonly WorkItemDocument[];
  readonly residue: readonly string[];
  readonly permits: readonly PermitDocument[];
  readonly proof: ProofDocument | null;
  /** Sequence numbers of its entries in the audit log. */
  readonly audit: readonly number[];
}

/** One remedy on one host. */
export interface WorkItemDocument extends Omit<RolloutStepDocument, "outcome" | "elapsedMs"> {
  /** False: it was new when the host was scanned again, and `--allow-new` let it be done. */
  readonly planned: boolean;
  /** Null: nothing is known to have been done. */
  readonly outcome: string | null;
  readonly elapsedMs: number | null;
}

export interface PermitDocument {
  readonly id: string;
  readonly at: number;
  readonly bootId: string;
  readonly epoch: number;
}

/** The scan that its end was judged by. */
export interface ProofDocument {
  readonly digest: string;
  readonly scannedAt: number;
  readonly bootId: string;
  readonly kernel: string;
  readonly findings: number;
}

export function reportDocument({ head, hosts }: WholeReport): ReportDocument {
  const documents = hosts.map(hostDocument);
  return {
    schema: "afterpatch.report/v1",
    ...{ id: visible(head.id), name: visible(head.name), reason: visible(head.reason) },
    ...{ state: known(ROLLOUT_STATES, head.state), why: visible(head.why), actor: visible(head.actor) },
    ...{ createdAt: head.createdAt, endedAt: head.endedAt === 0 ? null : head.endedAt },
    ...{ digest: visible(head.digest), pattern: visible(head.pattern), waves: head.waves.map(visible) },
    orders: head.orders.map(({ type, at, actor, why, wave, host }) => ({
      ...{ type: visible(type), at, actor: visible(actor), why: given(why), wave: given(wave), host: given(host) },
    })),
    hosts: documents,
    uncovered: uncoveredDocuments(head.uncovered),
    totals: totalsOf(documents),
    audit: {
      head: formatHead({ seq: head.auditHeadSeq, sha256: head.auditHeadSha256 }),
      entries: [...head.audit],
    },
  };
}

/** Where there was nothing to do: what the plan found. */
export function reportOfNothing(rollout: RolloutDocument, pattern: string): ReportDocument {
  const { hosts, schema: _, ...about } = rollout;
  return {
    ...about,
    schema: "afterpatch.report/v1",
    ...{ pattern, waves: ["1"], orders: [], audit: null },
    hosts: hosts.map(({ id, name, state, reason, residue, changedAt }) => ({
      ...{ id, name, wave: "1", state, reason, changedAt, items: [], residue, permits: [], proof: null, audit: [] },
    })),
  };
}

function hostDocument(host: WholeReport["hosts"][number]): ReportedHostDocument {
  return {
    ...{ id: visible(host.hostId), name: visible(host.name), wave: visible(host.wave) },
    ...{ state: known(HOST_STATES, host.state), reason: visible(host.reason) },
    changedAt: host.changedAt === 0 ? null : host.changedAt,
    items: itemsOf(host),
    residue: host.residue.map(visible),
    permits: host.permits.map(({ id, at, bootId, epoch }) => ({
      ...{ id: visible(id), at, bootId: visible(bootId), epoch },
    })),
    proof: host.proof
      ? {
          ...{ digest: visible(host.proof.digest), scannedAt: host.proof.scannedAt },
          ...{ bootId: visible(host.proof.bootId), kernel: visible(host.proof.kernel), findings: host.proof.findings },
        }
      : null,
    audit: [...host.audit],
  };
}

/** What was planned, in its order, each with what became of it; then what was done beyond that. */
function itemsOf({ planned, steps }: WholeReport["hosts"][number]): readonly WorkItemDocument[] {
  const idOf = ({ kind, target }: { readonly kind: string; readonly target: string }) => `${kind}:${target}`;
  const results = new Map(steps.map((step) => [idOf(step), step]));
  const ids = new Set(planned.map(idOf));
  const items = planned.map((item): WorkItemDocument => {
    const result = results.get(idOf(item));
    if (result) return { ...stepDocument(result), planned: true };
    const remedy = { kind: visible(item.kind), target: visible(item.target) };
    const nothing = { outcome: null, evidence: "", startedAt: null, elapsedMs: null };
    return { id: visible(idOf(item)), remedy, ...nothing, planned: true };
  });
  const others = steps.filter((step) => !ids.has(idOf(step)));
  return [...items, ...others.map((step) => ({ ...stepDocument(step), planned: false }))];
}

function given(text: string): string | null {
  return text === "" ? null : visible(text);
}

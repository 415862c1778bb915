import { encodeLine } from "@afterpatch/agent/journal/lines";
import type { JournalRecord } from "@afterpatch/agent/ports";

/** Beyond it the agent rewrites its journal. */
const LIMIT_BYTES = 4 * 1024 * 1024;

/** A journal of orders that nobody needs any more, which leaves that much room until it is rewritten. */
export function almostFull(by: "apply" | "permit", roomBytes: number): Buffer {
  const lines: Buffer[] = [];
  for (let bytes = 0, order = 0; ; order++) {
    const next = Buffer.concat(oldOrder(by, `old-${order}`).map(encodeLine));
    bytes += next.length;
    if (bytes > LIMIT_BYTES - roomBytes) return Buffer.concat(lines);
    lines.push(next);
  }
}

function oldOrder(by: "apply" | "permit", op: string): readonly JournalRecord[] {
  const step = { kind: "restart-service", target: `${"x".repeat(200)}.service` };
  const from = by === "apply" ? ({ kind: "local" } as const) : ({ kind: "permit", rolloutId: "r0", epoch: 1 } as const);
  const order = { from, steps: [step], deadlineMs: 1, graceMs: 1, settleMs: 1, allowNew: false };
  const ending = { result: "verified", code: "", message: "", residue: [] } as const;
  return [
    { type: "begun", op, order, bootId: "of another time", at: 1, sinceBootMs: 1 },
    { type: "intent", op, step, before: {}, attempt: 1, at: 1 },
    { type: "outcome", op, result: { ...step, outcome: "done", evidence: "", startedAt: 1, elapsedMs: 1 } },
    { type: "ended", op, ending, at: 1 },
    { type: "acknowledged", op },
  ];
}

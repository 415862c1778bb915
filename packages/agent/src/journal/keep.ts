import type { JournalRecord } from "../ports.ts";
import { type Operation, operations } from "./operations.ts";

/** How long the id of an ended permit is remembered, so that the same permit is never carried out again. */
const REMEMBER_MS = 30 * 24 * 3_600_000;

/**
 * What a journal that grew too large must still hold: the highest epoch, everything of orders that have not ended or
 * whose ending the controller has not stored, and the beginning and end of permits of the last 30 days.
 */
export function recordsToKeep(records: readonly JournalRecord[], now: number): readonly JournalRecord[] {
  const orders = operations(records);
  const highest = records.reduce(
    (epoch, record) => (record.type === "epoch" ? Math.max(epoch, record.epoch) : epoch),
    -1,
  );
  const epoch: JournalRecord[] = highest < 0 ? [] : [{ type: "epoch", epoch: highest }];
  return [...epoch, ...records.filter((record) => isKept(record, orders, now))];
}

function isKept(record: JournalRecord, orders: ReadonlyMap<string, Operation>, now: number): boolean {
  if (record.type === "epoch") return false;
  const operation = orders.get(record.op);
  if (!operation) return false;
  if (operation.endedAt === null) return true;
  // Nobody asks again for an order that a person gave on this host.
  if (operation.begun.order.from.kind === "local") return false;
  if (!operation.acknowledged) return true;
  return record.type !== "intent" && record.type !== "outcome" && now - operation.endedAt < REMEMBER_MS;
}

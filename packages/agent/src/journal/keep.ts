import { isRestart } from "@afterpatch/core/policy/caps";
import type { JournalRecord } from "../ports.ts";
import { type Operation, operations } from "./operations.ts";

/** How long the id of an ended permit is remembered, so that the same permit is never carried out again. */
const REMEMBER_MS = 30 * 24 * 3_600_000;
/** Of those the newest: a host that ends more permits in 30 days gets one every nine minutes. */
const REMEMBERED = 5000;

/** What is remembered of them. */
const REMEMBERED_TYPES: ReadonlySet<JournalRecord["type"]> = new Set(["begun", "ended", "acknowledged"]);

/** How far back the caps count, see vetoes/counts.ts. */
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/**
 * What a journal that grew too large must still hold: the highest epoch, everything of orders that have not ended or
 * whose ending nobody was told, the beginning and end of permits of the last 30 days, and the intents that caps count.
 */
export function recordsToKeep(records: readonly JournalRecord[], now: number): readonly JournalRecord[] {
  const orders = operations(records);
  const ended = [...orders].filter(([, order]) => isRemembered(order, now));
  const remembered = new Set(ended.slice(-REMEMBERED).map(([op]) => op));
  const highest = records.reduce(
    (epoch, record) => (record.type === "epoch" ? Math.max(epoch, record.epoch) : epoch),
    -1,
  );
  const epoch: JournalRecord[] = highest < 0 ? [] : [{ type: "epoch", epoch: highest }];
  return [...epoch, ...records.filter((record) => isCounted(record, now) || isKept(record, orders, remembered))];
}

function isKept(
  record: JournalRecord,
  orders: ReadonlyMap<string, Operation>,
  remembered: ReadonlySet<string>,
): boolean {
  if (record.type === "epoch") return false;
  const operation = orders.get(record.op);
  if (!operation) return false;
  if (operation.endedAt === null || !operation.acknowledged) return true;
  return remembered.has(record.op) && REMEMBERED_TYPES.has(record.type);
}

function isCounted(record: JournalRecord, now: number): boolean {
  if (record.type !== "intent") return false;
  if (record.step.kind === "reboot") return record.at > now - DAY_MS;
  return isRestart(record.step.kind) && record.at > now - HOUR_MS;
}

/** Nobody asks again for an order that a person gave on this host. */
function isRemembered({ begun, endedAt, acknowledged }: Operation, now: number): boolean {
  return begun.order.from.kind === "permit" && acknowledged && endedAt !== null && now - endedAt < REMEMBER_MS;
}

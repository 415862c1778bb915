import { type EventType, isEventType } from "@afterpatch/core/fleet/events";
import type { RolloutEvent } from "@afterpatch/core/rollout/event";
import { type Connection, integer, type Row, text } from "./sqlite.ts";

/** One event of the fleet. */
export interface FleetEvent {
  /** Greater than that of every event before it; never used twice, and not without gaps. */
  readonly seq: number;
  /** The controller's clock. */
  readonly at: number;
  readonly type: EventType;
  /** Null: of no host. */
  readonly hostId: string | null;
  /** The name that it had then. */
  readonly host: string | null;
  readonly rolloutId: string | null;
  /** As in the audit log; null: nobody did it. */
  readonly actor: string | null;
  /** What else there is to say: JSON. */
  readonly body: string;
}

/**
 * What happens in the fleet, in one sequence. A table of its own beside the audit log: that one is of what somebody did, is
 * never pruned and its entries are hashed for ever; reports that change and hosts that fall silent are neither few nor
 * anybody's doing. What both tell is written in one transaction, by the one function `record` (audit.ts).
 */
export interface Events {
  /** At most `limit` events after `seq`, in their order. */
  after(seq: number, limit: number): Promise<readonly FleetEvent[]>;
  /** The last sequence given; 0: none ever was. */
  last(): Promise<number>;
  /** The last sequence of before `at`; 0: none. */
  before(at: number): Promise<number>;
  /** The oldest that is kept; one more than the last where none is. */
  oldest(): Promise<number>;
  /** Calls `told` once events are on the disk, until the returned function is called. */
  watch(told: () => void): () => void;
}

export function events(db: Connection): Events {
  return {
    async after(seq, limit) {
      return db.prepare("SELECT * FROM events WHERE seq > ? ORDER BY seq LIMIT ?").all(seq, limit).map(event);
    },
    async last() {
      return lastOf(db);
    },
    async before(at) {
      // Clocks are stepped, sequences are not: everything from the first event of that time on.
      const first = db.prepare("SELECT min(seq) AS seq FROM events WHERE at >= ?").get(at)?.seq;
      return typeof first === "number" ? first - 1 : lastOf(db);
    },
    async oldest() {
      const first = db.prepare("SELECT min(seq) AS seq FROM events").get()?.seq;
      return typeof first === "number" ? first : lastOf(db) + 1;
    },
    watch(told) {
      db.news.listeners.add(told);
      return () => void db.news.listeners.delete(told);
    },
  };
}

export interface NewEvent {
  readonly at: number;
  readonly type: string;
  readonly actor: string | null;
  readonly hostId: string | null;
  readonly rolloutId: string | null;
  readonly body: object;
}

/** Within the transaction of what it tells. What is no event of the fleet is passed over. */
export function tell(db: Connection, { at, type, actor, hostId, rolloutId, body }: NewEvent): void {
  if (!isEventType(type)) return;
  const row = hostId === null ? undefined : db.prepare("SELECT name FROM hosts WHERE id = ?").get(hostId);
  // No name of a host has a '#' in it but that of one that was forgotten.
  const name = row ? (text(row, "name").split("#")[0] ?? null) : null;
  const insert = "INSERT INTO events (at, type, host_id, host, rollout_id, actor, body) VALUES (?,?,?,?,?,?,?)";
  db.prepare(insert).run(at, type, hostId, name, rolloutId, actor, JSON.stringify(body));
  db.news.isNew = true;
}

const WORDS = ["why", "reason", "state", "phase", "wave", "permitId"] as const;

/** What a rollout's event says beside its host and its time, in a few words. */
export function wordsOf(event: RolloutEvent): object {
  const outcome = "outcome" in event ? event.outcome : {};
  const entries = Object.entries({ ...outcome, ...event });
  const words = entries.filter(([key, one]) => WORDS.some((word) => word === key) && one !== "");
  return { ...Object.fromEntries(words), ...lastStep(event) };
}

/** The step that a host told of just now. */
function lastStep(event: RolloutEvent): object {
  const last = event.type === "progress" ? event.steps.at(-1) : undefined;
  return last ? { step: `${last.kind} ${last.target}`, stepOutcome: last.outcome } : {};
}

/** After a restore: what was told since the copy was made has had sequences that the copy does not know. */
export function leaveGap(db: Connection): void {
  const seq = lastOf(db) + GAP;
  // AUTOINCREMENT goes on from the largest that ever was.
  db.prepare("INSERT INTO events (seq, at, type, body) VALUES (?, 0, 'controller.restore', '{}')").run(seq);
  db.prepare("DELETE FROM events WHERE seq = ?").run(seq);
}

/** More than a fleet tells between a backup and its use. */
const GAP = 1_000_000_000;

function lastOf(db: Connection): number {
  const row = db.prepare("SELECT seq FROM sqlite_sequence WHERE name = 'events'").get();
  return row ? integer(row, "seq") : 0;
}

function event(row: Row): FleetEvent {
  const type = text(row, "type");
  if (!isEventType(type)) throw new Error(`event ${integer(row, "seq")} has the type ${type}`); // `tell` writes no other
  const given = (column: string) => (row[column] === null ? null : text(row, column));
  return {
    ...{ seq: integer(row, "seq"), at: integer(row, "at"), type, body: text(row, "body") },
    ...{ hostId: given("host_id"), host: given("host"), rolloutId: given("rollout_id"), actor: given("actor") },
  };
}

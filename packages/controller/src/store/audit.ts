import { createHash } from "node:crypto";
import type { RolloutEvent } from "@afterpatch/core/rollout/event";
import {
  type AuditEntry,
  type AuditHead,
  type ChainVerdict,
  EMPTY_CHAIN,
  followChain,
  linkOf,
} from "@afterpatch/wire/audit";
import { tell, wordsOf } from "./events.ts";
import { bytes, type Connection, integer, type Row, text } from "./sqlite.ts";

/** Who changes something, when, and why if a person said so. */
export interface By {
  /** See AuditEntry. */
  readonly actor: string;
  readonly at: number;
  readonly reason?: string;
}

export type StoredEntry = AuditEntry & { readonly sha256: Uint8Array };

/** The append-only log of what was done. It is written by the functions that do it, in their transactions. */
export interface Audit {
  head(): Promise<AuditHead>;
  /** At most `limit` entries that follow entry `after` (0: from the first), in their order. */
  page(after: number, limit: number): Promise<readonly StoredEntry[]>;
  /** Entries of a rollout, in their order. */
  ofRollout(id: string): Promise<readonly RolloutEntry[]>;
  /** For what changes nothing in the store. */
  note(by: By, action: string, object: string, body?: object): Promise<void>;
}

export interface RolloutEntry {
  readonly seq: number;
  /** Null: it tells of no host. */
  readonly hostId: string | null;
}

export const user = (name: string): string => `user/${name}`;
export const hostActor = (id: string): string => `host/${id}`;
export const CONTROLLER = "controller";

export function audit(db: Connection): Audit {
  return {
    async head() {
      return headOf(db);
    },
    async page(after, limit) {
      return db.prepare("SELECT * FROM audit WHERE seq > ? ORDER BY seq LIMIT ?").all(after, limit).map(entry);
    },
    async ofRollout(id) {
      const own = "SELECT seq, body FROM audit WHERE object = ? AND action LIKE 'rollout.%' ORDER BY seq";
      return db.prepare(own).all(id).map(rolloutEntry);
    },
    async note(by, action, object, body = {}) {
      db.transaction(() => record(db, by, action, object, body));
    },
  };
}

/**
 * Appends what is done in this transaction. Called inside of one alone: the two are on the disk together or not at all.
 * Where it is an event of the fleet, that is told too: `words`, or the details.
 */
export function record(
  db: Connection,
  by: By,
  action: string,
  object: string,
  details: object = {},
  words: object = details,
): void {
  const head = headOf(db);
  const reason = by.reason === undefined ? {} : { reason: by.reason };
  const body = JSON.stringify({ ...reason, ...details });
  const entry = { seq: head.seq + 1, at: by.at, actor: by.actor, action, object, body };
  const insert = "INSERT INTO audit (seq, at, actor, action, object, body, sha256) VALUES (?,?,?,?,?,?,?)";
  const link = linkOf(head.sha256, entry);
  db.prepare(insert).run(entry.seq, entry.at, entry.actor, entry.action, entry.object, entry.body, link);
  const { at, actor } = by;
  const rolloutId = action.startsWith("rollout.") ? object : null;
  const hostId = action.startsWith("host.") ? object : ofHost(details);
  tell(db, { at, type: action, actor, hostId, rolloutId, body: { ...reason, ...words } });
}

function ofHost(details: object): string | null {
  return "hostId" in details && typeof details.hostId === "string" ? details.hostId : null;
}

/** What is done to a host: with its name, by which people look for it. */
export function recordHost(db: Connection, by: By, action: string, hostId: string, details: object = {}): void {
  const row = db.prepare("SELECT name FROM hosts WHERE id = ?").get(hostId);
  record(db, by, action, hostId, { ...(row ? { name: text(row, "name") } : {}), ...details });
}

/**
 * What happens in a rollout. An order of a person is kept as it is; of what hosts and the controller do, which is much
 * more, the hash of the event as the rollout keeps it.
 */
export function recordEvent(db: Connection, rolloutId: string, seq: number, event: RolloutEvent, stored: string): void {
  const hostId = "hostId" in event ? event.hostId : null;
  const details = { event: seq, ...(hostId === null ? {} : { hostId }), sha256: sha256(stored) };
  const words = { event: seq, ...wordsOf(event) };
  if ("actor" in event) {
    const { type: _, at, actor, ...order } = event;
    record(db, { actor: user(actor), at }, `rollout.${event.type}`, rolloutId, { ...order, ...details }, words);
    return;
  }
  const isOfHost = OF_HOSTS.has(event.type) && hostId !== null;
  record(
    db,
    { actor: isOfHost ? hostActor(hostId) : CONTROLLER, at: event.at },
    `rollout.${event.type}`,
    rolloutId,
    details,
    words,
  );
}

/** What a host itself said. */
const OF_HOSTS: ReadonlySet<RolloutEvent["type"]> = new Set(["progress", "ended", "vetoed"]);

export function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** Follows the whole log, and compares the events of rollouts with it. */
export function verifyAudit(db: Connection): ChainVerdict {
  const page = db.prepare("SELECT * FROM audit WHERE seq > ? ORDER BY seq LIMIT 1000");
  let verdict: ChainVerdict = { kind: "whole", head: EMPTY_CHAIN };
  for (let head: AuditHead | null = EMPTY_CHAIN; head !== null; ) {
    const rows: readonly StoredEntry[] = page.all(head.seq).map(entry);
    verdict = followChain(head, rows);
    if (verdict.kind === "broken") return verdict;
    const changed = changedEvent(db, rows);
    if (changed) return changed;
    head = rows.length === 0 ? null : verdict.head;
  }
  return verdict;
}

/** The first event of a rollout that is not what these entries tell of it. */
function changedEvent(db: Connection, rows: readonly StoredEntry[]): ChainVerdict | null {
  const stored = db.prepare("SELECT body FROM rollout_events WHERE rollout_id = ? AND seq = ?");
  for (const { seq, action, object, body } of rows) {
    const { event, sha256: told }: { event?: unknown; sha256?: unknown } = JSON.parse(body);
    if (!action.startsWith("rollout.") || typeof event !== "number") continue;
    const row = stored.get(object, event);
    if (!row || sha256(text(row, "body")) !== told)
      return { kind: "broken", seq, why: `event ${event} of rollout ${object} is not what was written then` };
  }
  return null;
}

function headOf(db: Connection): AuditHead {
  const row = db.prepare("SELECT seq, sha256 FROM audit ORDER BY seq DESC LIMIT 1").get();
  return row ? { seq: integer(row, "seq"), sha256: bytes(row, "sha256") } : EMPTY_CHAIN;
}

function rolloutEntry(row: Row): RolloutEntry {
  const { hostId }: { hostId?: unknown } = JSON.parse(text(row, "body"));
  return { seq: integer(row, "seq"), hostId: typeof hostId === "string" ? hostId : null };
}

function entry(row: Row): StoredEntry {
  const words = { actor: text(row, "actor"), action: text(row, "action"), object: text(row, "object") };
  return {
    ...{ seq: integer(row, "seq"), at: integer(row, "at"), body: text(row, "body"), sha256: bytes(row, "sha256") },
    ...words,
  };
}

import { createHash } from "node:crypto";
import { type OldCode, oldCodeIn } from "@afterpatch/core/fleet/old-code";
import { documentOf, isTooLarge } from "../report-body.ts";
import { bytes, type Connection, text } from "./sqlite.ts";

/** What the newest reports found, kept for questions over the fleet: once for all hosts that say the same. */
export interface OldCodeStore {
  /** By host id, a key of what its newest report found; empty: that report cannot be read. Hosts without a report are not in it. */
  said(): Promise<ReadonlyMap<string, string>>;
  /** Null: no host says that any more. */
  found(key: string): Promise<OldCode | null>;
}

export function oldCode(db: Connection): OldCodeStore {
  return {
    async said() {
      await catchUp(db);
      const rows = db.prepare("SELECT host_id, digest FROM old_code_hosts").all();
      return new Map(rows.map((row) => [text(row, "host_id"), text(row, "digest")]));
    },
    async found(key) {
      const row = db.prepare("SELECT body FROM old_code WHERE digest = ?").get(key);
      // What stands there was written by `keep` below, and by nobody else.
      return row ? (JSON.parse(text(row, "body")) as OldCode) : null;
    },
  };
}

/** Larger reports are many findings: what they say is found out in turns. Packed, and as they are: a small one may hold much. */
const LARGE_BYTES = 32 * 1024;
const LARGE_DOCUMENT = 1024 * 1024;

/**
 * Within the transaction that keeps a report; of a large one `later` (`keepLarge`), and until then the host has no key. What cannot
 * be read is told of the host to whoever asks.
 */
export function keepOldCode(db: Connection, hostId: string, body: Uint8Array): "kept" | "later" {
  const found = body.length > LARGE_BYTES ? "later" : atOnce(body);
  if (found === "later") dropOldCode(db, hostId);
  else keep(db, hostId, found);
  return found === "later" ? "later" : "kept";
}

function atOnce(body: Uint8Array): OldCode | null | "later" {
  try {
    const reading = oldCodeIn(documentOf(body, LARGE_DOCUMENT));
    for (let part = reading.next(); ; part = reading.next()) if (part.done) return part.value;
  } catch (error) {
    return isTooLarge(error) ? "later" : null;
  }
}

/** After the transaction that keeps a large report. */
export async function keepLarge(db: Connection, hostId: string, body: Uint8Array): Promise<void> {
  const found = await inTurns(body);
  // Replaced in the meantime: what the newer one says is kept with that.
  const isNewest = `SELECT 1 ${WITH_REPORT} AND r.host_id = ? AND r.body = ?`;
  db.transaction(() => {
    if (db.prepare(isNewest).get(hostId, body)) keep(db, hostId, found);
  });
}

async function inTurns(body: Uint8Array): Promise<OldCode | null> {
  try {
    const reading = oldCodeIn(documentOf(body));
    for (let part = reading.next(); ; part = reading.next()) {
      if (part.done) return part.value;
      await turn();
    }
  } catch {
    return null;
  }
}

const WITH_REPORT = "FROM reports r JOIN hosts h ON h.id = r.host_id WHERE h.state <> 'revoked'";

const turn = () => new Promise((resolve) => setImmediate(resolve));

function keep(db: Connection, hostId: string, found: OldCode | null): void {
  const json = found && JSON.stringify(found);
  const key = json === null ? "" : createHash("sha256").update(json).digest("base64url").slice(0, 27);
  const before = db.prepare("SELECT digest FROM old_code_hosts WHERE host_id = ?").get(hostId);
  if (before && text(before, "digest") === key) return;
  db.prepare("INSERT OR REPLACE INTO old_code_hosts (host_id, digest) VALUES (?, ?)").run(hostId, key);
  if (json !== null) db.prepare("INSERT OR IGNORE INTO old_code (digest, body) VALUES (?, ?)").run(key, json);
  if (before) dropUnsaid(db, text(before, "digest"));
}

/** Of a host that is no more, or let in no more. */
export function dropOldCode(db: Connection, hostId: string): void {
  const before = db.prepare("SELECT digest FROM old_code_hosts WHERE host_id = ?").get(hostId);
  if (!before) return;
  db.prepare("DELETE FROM old_code_hosts WHERE host_id = ?").run(hostId);
  dropUnsaid(db, text(before, "digest"));
}

function dropUnsaid(db: Connection, key: string): void {
  const unsaid = "NOT EXISTS (SELECT 1 FROM old_code_hosts h WHERE h.digest = old_code.digest)";
  db.prepare(`DELETE FROM old_code WHERE digest = ? AND ${unsaid}`).run(key);
}

/** Reports that were kept before any of this was, those of hosts that are let in again, and large ones that a controller ended over. */
async function catchUp(db: Connection): Promise<void> {
  const missing = `SELECT r.host_id ${WITH_REPORT} AND NOT EXISTS (SELECT 1 FROM old_code_hosts o WHERE o.host_id = r.host_id)`;
  for (const row of db.prepare(missing).all()) {
    const hostId = text(row, "host_id");
    const kept = db.prepare(`SELECT r.body ${WITH_REPORT} AND r.host_id = ?`).get(hostId);
    if (!kept) continue;
    const body = bytes(kept, "body");
    if (db.transaction(() => keepOldCode(db, hostId, body)) === "later") await keepLarge(db, hostId, body);
    await turn();
  }
}

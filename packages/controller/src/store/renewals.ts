import { type By, hostActor, record, user, recordHost } from "./audit.ts";
import type { IssuedCertificate } from "./enrolment.ts";
import { found, insertCertificate, type Operator } from "./operators.ts";
import { type Connection, integer, type Row, text } from "./sqlite.ts";

/** A host whose certificate expired while it was away, and that asks to be let in again. */
export interface Readmission {
  readonly hostId: string;
  readonly name: string;
  readonly askedAt: number;
}

/** Whose certificate a serial is; null: nobody's who is let in. */
export type Holder =
  | { readonly kind: "host"; readonly id: string; readonly name: string }
  | { readonly kind: "operator"; readonly operator: Operator };

/** A certificate in the place of one that ends or has ended. */
export interface Renewals {
  holder(serial: string): Promise<Holder | null>;
  /** A host that is let in, where nobody knows the serial: it was certified after the copy that this store was restored from. */
  forgottenHolder(hostId: string, serial: string): Promise<Extract<Holder, { kind: "host" }> | null>;
  /** False: the host, or the certificate that it showed, is not let in any more. `isReadmission`: needs an approval. */
  renewHost(renewal: HostRenewal): Promise<boolean>;
  renewOperator(name: string, shown: string, certificate: IssuedCertificate, now: number): Promise<boolean>;
  /** Notes that a host asks; answers whether somebody has approved of it. */
  ask(hostId: string, now: number): Promise<boolean>;
  /** Those of whom nobody has approved. */
  asking(): Promise<readonly Readmission[]>;
  /** False: it does not ask. */
  approve(hostId: string, by: By): Promise<boolean>;
}

export interface HostRenewal {
  readonly hostId: string;
  /** Serial of the certificate that it showed. */
  readonly shown: string;
  readonly certificate: IssuedCertificate;
  /** Of the new key. */
  readonly spkiSha256: Uint8Array;
  readonly isReadmission: boolean;
  readonly now: number;
}

export function renewals(db: Connection): Renewals {
  return {
    async holder(serial) {
      return holderOf(db, serial);
    },
    async forgottenHolder(hostId, serial) {
      return forgottenHolder(db, hostId, serial);
    },
    async renewHost(renewal) {
      return db.transaction(() => renewHost(db, renewal));
    },
    async renewOperator(name, shown, certificate, now) {
      return db.transaction(() => {
        const holder = holderOf(db, shown);
        if (holder?.kind !== "operator" || holder.operator.name !== name) return false;
        const { serial, notAfter } = certificate;
        record(db, { actor: user(name), at: now }, "operator.renew", name, { shown, serial, notAfter });
        insertCertificate(db, name, certificate, now);
        return true;
      });
    },
    async ask(hostId, now) {
      return db.transaction(() => {
        if (isApproved(db, hostId, now)) return true;
        const waits = "SELECT 1 FROM readmissions WHERE host_id = ? AND approved_by IS NULL";
        if (db.prepare(waits).get(hostId)) return false;
        db.prepare("INSERT OR REPLACE INTO readmissions (host_id, asked_at) VALUES (?,?)").run(hostId, now);
        recordHost(db, { actor: hostActor(hostId), at: now }, "host.ask-readmission", hostId);
        return false;
      });
    },
    async asking() {
      const rows = db
        .prepare(`SELECT r.host_id, h.name, r.asked_at FROM readmissions r
          JOIN hosts h ON h.id = r.host_id WHERE h.state <> 'revoked' AND r.approved_by IS NULL ORDER BY r.asked_at, r.host_id`)
        .all();
      return rows.map(readmission);
    },
    async approve(hostId, by) {
      return db.transaction(() => {
        const waits = "host_id = ? AND approved_by IS NULL";
        const approve = `UPDATE readmissions SET approved_by = ?, approved_at = ? WHERE ${waits}`;
        const { changes } = db.prepare(approve).run(by.actor, by.at, hostId);
        if (changes === 1) recordHost(db, by, "host.readmit", hostId);
        return changes === 1;
      });
    },
  };
}

function renewHost(db: Connection, renewal: HostRenewal): boolean {
  const { hostId, shown, certificate, spkiSha256, isReadmission, now } = renewal;
  const holder = holderOf(db, shown) ?? (isReadmission ? forgottenHolder(db, hostId, shown) : null);
  if (holder?.kind !== "host" || holder.id !== hostId) return false;
  if (isReadmission && !isApproved(db, hostId, now)) return false;
  if (issuedSince(db, hostId, now - HOUR_MS) >= MOST_PER_HOUR) throw new TooManyRenewals();
  const { serial, notAfter } = certificate;
  const action = isReadmission ? "host.readmitted" : "host.renew";
  recordHost(db, { actor: hostActor(hostId), at: now }, action, hostId, { shown, serial, notAfter });
  db.prepare("UPDATE hosts SET spki_sha256 = ? WHERE id = ?").run(spkiSha256, hostId);
  const insert = "INSERT INTO certificates (serial, host_id, not_after, issued_at) VALUES (?,?,?,?)";
  db.prepare(insert).run(serial, hostId, notAfter, now);
  return true;
}

const HOUR_MS = 3_600_000;
/** An agent renews once in twenty days, and asks again where an answer is lost; each leaves rows that stay. */
export const MOST_PER_HOUR = 60;

/** A host asks for certificates as no agent does. */
export class TooManyRenewals extends Error {
  override readonly name = "TooManyRenewals";
}

function issuedSince(db: Connection, hostId: string, since: number): number {
  const count = "SELECT COUNT(*) AS n FROM certificates WHERE host_id = ? AND issued_at > ?";
  return integer(db.prepare(count).get(hostId, since) ?? { n: 0 }, "n");
}

/** An answer may get lost: an approval is good for every certificate that is asked for within an hour of it. */
const APPROVAL_MS = 3_600_000;

function isApproved(db: Connection, hostId: string, now: number): boolean {
  const row = db
    .prepare("SELECT approved_at FROM readmissions WHERE host_id = ? AND approved_by IS NOT NULL")
    .get(hostId);
  return row !== undefined && now - integer(row, "approved_at") < APPROVAL_MS;
}

function forgottenHolder(db: Connection, hostId: string, serial: string) {
  if (db.prepare("SELECT 1 FROM certificates WHERE serial = ?").get(serial)) return null;
  const row = db.prepare("SELECT name FROM hosts WHERE id = ? AND state <> 'revoked'").get(hostId);
  return row ? { kind: "host" as const, id: hostId, name: text(row, "name") } : null;
}

function holderOf(db: Connection, serial: string): Holder | null {
  const row = db
    .prepare(`SELECT c.operator, h.id, h.name, h.state FROM certificates c LEFT JOIN hosts h ON h.id = c.host_id
      WHERE c.serial = ? AND c.revoked_at IS NULL`)
    .get(serial);
  if (!row) return null;
  if (row.operator !== null) {
    const operator = found(db, text(row, "operator"));
    return operator && operator.removedAt === null ? { kind: "operator", operator } : null;
  }
  return text(row, "state") === "revoked" ? null : { kind: "host", id: text(row, "id"), name: text(row, "name") };
}

function readmission(row: Row): Readmission {
  return {
    hostId: text(row, "host_id"),
    name: text(row, "name"),
    askedAt: integer(row, "asked_at"),
  };
}

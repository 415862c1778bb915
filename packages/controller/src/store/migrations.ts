import type { DatabaseSync } from "node:sqlite";
import { SCHEMA_VERSION } from "./schema.ts";

/** What makes a store of version N one of N + 1. Written once: a store in the field was made by what stood here then. */
const MIGRATIONS: Readonly<Record<number, (db: DatabaseSync) => void>> = {
  1: toVersion2,
  2: toVersion3,
  3: toVersion4,
  4: toVersion5,
  5: toVersion6,
  6: toVersion7,
};

/** Brings a store of an older version to this one's, in one transaction: what is cut off leaves the store as it was. */
export function migrate(db: DatabaseSync, from: number): void {
  db.exec("BEGIN IMMEDIATE");
  try {
    for (let version = from; version < SCHEMA_VERSION; version++) {
      const migration = MIGRATIONS[version];
      if (!migration) throw new Error(`no migration leads on from version ${version} of the store`);
      migration(db);
    }
    db.exec(`PRAGMA user_version=${SCHEMA_VERSION}; COMMIT`);
  } catch (error) {
    if (db.isTransaction) db.exec("ROLLBACK");
    throw error;
  }
}

/** Version 1 was written with and without the last two columns of `reports`. Version 2 keeps why a host could not be scanned. */
function toVersion2(db: DatabaseSync): void {
  const columns = columnsOf(db, "reports");
  if (!columns.has("unreadable")) {
    // How many processes could not be looked at was not kept, and is not guessed: the hosts report again.
    db.exec("DELETE FROM reports; ALTER TABLE reports ADD COLUMN unreadable INTEGER NOT NULL DEFAULT 0");
  }
  if (!columns.has("config_error")) {
    // A digest that fits no report has each host say all of it again, its file's mistake too.
    db.exec("ALTER TABLE reports ADD COLUMN config_error TEXT; UPDATE reports SET digest = ''");
  }
  db.exec("ALTER TABLE hosts ADD COLUMN scan_failed_at INTEGER; ALTER TABLE hosts ADD COLUMN scan_failed_why TEXT");
}

/**
 * Version 3 keeps which hosts are charged to budgets though nobody has them in hand. Of rollouts that ended before it
 * nothing is charged: they had no budgets.
 */
function toVersion3(db: DatabaseSync): void {
  db.exec(`
    CREATE TABLE charges (
      host_id    TEXT PRIMARY KEY REFERENCES hosts (id),
      rollout_id TEXT NOT NULL REFERENCES rollouts (id),
      since      INTEGER NOT NULL,
      why        TEXT NOT NULL
    ) STRICT, WITHOUT ROWID`);
}

/** Version 4 keeps what people hold back, and hosts that they have written off. */
function toVersion4(db: DatabaseSync): void {
  db.exec(`
    CREATE TABLE cordons (
      host_id TEXT PRIMARY KEY REFERENCES hosts (id),
      actor   TEXT NOT NULL,
      reason  TEXT NOT NULL,
      since   INTEGER NOT NULL,
      until   INTEGER
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE freezes (
      id     INTEGER PRIMARY KEY CHECK (id = 1),
      actor  TEXT NOT NULL,
      reason TEXT NOT NULL,
      since  INTEGER NOT NULL,
      until  INTEGER
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE write_offs (
      host_id    TEXT PRIMARY KEY REFERENCES hosts (id),
      rollout_id TEXT REFERENCES rollouts (id),
      actor      TEXT NOT NULL,
      reason     TEXT NOT NULL,
      since      INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID`);
}

/** Version 5 keeps what webhooks have been told. */
function toVersion5(db: DatabaseSync): void {
  db.exec(`
    CREATE TABLE notices (
      rollout_id TEXT NOT NULL REFERENCES rollouts (id),
      url        TEXT NOT NULL,
      position   INTEGER NOT NULL,
      PRIMARY KEY (rollout_id, url)
    ) STRICT, WITHOUT ROWID`);
}

/** Version 6 keeps an audit log, operators who were removed, and hosts that ask to be let in again. */
function toVersion6(db: DatabaseSync): void {
  db.exec(`
    ALTER TABLE operators ADD COLUMN removed_at INTEGER;
    ALTER TABLE operators ADD COLUMN life_ms INTEGER NOT NULL DEFAULT 43200000;
    ALTER TABLE operators ADD COLUMN role_since INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE tokens ADD COLUMN operator TEXT REFERENCES operators (name);
    ALTER TABLE tokens ADD COLUMN revoked_at INTEGER;
    CREATE TABLE readmissions (
      host_id     TEXT PRIMARY KEY REFERENCES hosts (id),
      asked_at    INTEGER NOT NULL,
      approved_by TEXT,
      approved_at INTEGER
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE audit (
      seq    INTEGER PRIMARY KEY,
      at     INTEGER NOT NULL,
      actor  TEXT NOT NULL,
      action TEXT NOT NULL,
      object TEXT NOT NULL,
      body   TEXT NOT NULL,
      sha256 BLOB NOT NULL
    ) STRICT;
    CREATE TRIGGER audit_stays BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
    CREATE TRIGGER audit_is_whole BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END`);
}

/**
 * Version 7 keeps what happens in the fleet in one sequence, and which hosts are known to be lost; what webhooks were told of
 * it; what reports said, where the audit log tells of what, and which operators are machines; and since when hosts run old code: of those that did before, since their newest report.
 * What those reports found is asked of them when somebody first wants to know (old-code.ts).
 */
function toVersion7(db: DatabaseSync): void {
  db.exec(`
    ALTER TABLE hosts ADD COLUMN lost_at INTEGER;
    ALTER TABLE hosts ADD COLUMN old_since INTEGER;
    ALTER TABLE operators ADD COLUMN is_machine INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE operators ADD COLUMN max_hosts INTEGER;
    ALTER TABLE certificates ADD COLUMN token_id TEXT;
    CREATE INDEX audit_object ON audit (object);
    UPDATE hosts SET old_since = (SELECT received_at FROM reports WHERE host_id = hosts.id
      AND services + xinetd_sessions + applications + kernels + microcodes > 0);
    CREATE TABLE events (
      seq        INTEGER PRIMARY KEY AUTOINCREMENT,
      at         INTEGER NOT NULL,
      type       TEXT NOT NULL,
      host_id    TEXT,
      host       TEXT,
      rollout_id TEXT,
      actor      TEXT,
      body       TEXT NOT NULL
    ) STRICT;
    CREATE INDEX events_at ON events (at);
    CREATE TABLE old_code (
      digest TEXT PRIMARY KEY,
      body   TEXT NOT NULL
    ) STRICT;
    CREATE TABLE old_code_hosts (
      host_id TEXT PRIMARY KEY REFERENCES hosts (id),
      digest  TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX old_code_hosts_digest ON old_code_hosts (digest);
    CREATE TABLE told (
      url      TEXT PRIMARY KEY,
      position INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE report_history (
      host_id         TEXT NOT NULL REFERENCES hosts (id),
      since           INTEGER NOT NULL,
      heard_at        INTEGER NOT NULL,
      digest          TEXT NOT NULL,
      kernel          TEXT NOT NULL,
      services        INTEGER NOT NULL,
      xinetd_sessions INTEGER NOT NULL,
      applications    INTEGER NOT NULL,
      kernels         INTEGER NOT NULL,
      microcodes      INTEGER NOT NULL,
      reboot          TEXT NOT NULL,
      PRIMARY KEY (host_id, since)
    ) STRICT, WITHOUT ROWID`);
}

/** Names of a table's columns; none where there is no such table. */
export function columnsOf(db: DatabaseSync, table: string): ReadonlySet<string> {
  const rows = db.prepare("SELECT name FROM pragma_table_info(?)").all(table);
  return new Set(rows.map(({ name }) => String(name)));
}

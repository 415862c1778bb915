/** "afp1": marks the file as a store of afterpatch. */
export const APPLICATION_ID = 0x61667031;
/** Version of the tables below: whoever changes them raises it, and writes a migration (migrations.ts). */
export const SCHEMA_VERSION = 7;

/** All tables of a new store. Instants are epoch milliseconds; `*_sha256` are 32 raw bytes. */
export const SCHEMA = `
CREATE TABLE meta (
  key   TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE operators (
  name       TEXT PRIMARY KEY,
  role       TEXT NOT NULL CHECK (role IN ('viewer', 'operator', 'admin')),
  created_at INTEGER NOT NULL,
  removed_at INTEGER,
  life_ms    INTEGER NOT NULL DEFAULT 43200000,
  role_since INTEGER NOT NULL DEFAULT 0,
  is_machine INTEGER NOT NULL DEFAULT 0,
  max_hosts  INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE tokens (
  id            TEXT PRIMARY KEY,
  secret_sha256 BLOB NOT NULL,
  expires_at    INTEGER NOT NULL,
  uses_left     INTEGER NOT NULL CHECK (uses_left >= 0),
  failures      INTEGER NOT NULL DEFAULT 0,
  labels        TEXT NOT NULL,
  created_by    TEXT NOT NULL,
  created_at    INTEGER NOT NULL,
  operator      TEXT REFERENCES operators (name),
  revoked_at    INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE hosts (
  id              TEXT PRIMARY KEY,
  name            TEXT NOT NULL UNIQUE COLLATE NOCASE,
  labels          TEXT NOT NULL,
  spki_sha256     BLOB NOT NULL UNIQUE,
  state           TEXT NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'cordoned', 'quarantined', 'revoked')),
  token_id        TEXT NOT NULL,
  enrolled_at     INTEGER NOT NULL,
  agent_version   TEXT NOT NULL,
  scan_failed_at  INTEGER,
  scan_failed_why TEXT,
  lost_at         INTEGER,
  old_since       INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE certificates (
  serial     TEXT PRIMARY KEY,
  host_id    TEXT REFERENCES hosts (id),
  operator   TEXT REFERENCES operators (name),
  not_after  INTEGER NOT NULL,
  issued_at  INTEGER NOT NULL,
  revoked_at INTEGER,
  token_id   TEXT,
  CHECK ((host_id IS NULL) <> (operator IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX certificates_host ON certificates (host_id);

CREATE TABLE reports (
  host_id         TEXT PRIMARY KEY REFERENCES hosts (id),
  digest          TEXT NOT NULL,
  scanned_at      INTEGER NOT NULL,
  received_at     INTEGER NOT NULL,
  boot_id         TEXT NOT NULL,
  os              TEXT NOT NULL,
  kernel          TEXT NOT NULL,
  services        INTEGER NOT NULL,
  xinetd_sessions INTEGER NOT NULL,
  applications    INTEGER NOT NULL,
  kernels         INTEGER NOT NULL,
  microcodes      INTEGER NOT NULL,
  unreadable      INTEGER NOT NULL,
  reboot          TEXT NOT NULL CHECK (reboot IN ('yes', 'no', 'unknown')),
  config_error    TEXT,
  body            BLOB NOT NULL
) STRICT;

CREATE TABLE rollouts (
  id         TEXT PRIMARY KEY,
  request_id TEXT NOT NULL UNIQUE,
  created_at INTEGER NOT NULL,
  plan       TEXT NOT NULL,
  state      TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE rollout_events (
  rollout_id TEXT NOT NULL REFERENCES rollouts (id),
  seq        INTEGER NOT NULL,
  at         INTEGER NOT NULL,
  body       TEXT NOT NULL,
  PRIMARY KEY (rollout_id, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE charges (
  host_id    TEXT PRIMARY KEY REFERENCES hosts (id),
  rollout_id TEXT NOT NULL REFERENCES rollouts (id),
  since      INTEGER NOT NULL,
  why        TEXT NOT NULL
) STRICT, WITHOUT ROWID;

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
) STRICT, WITHOUT ROWID;

CREATE TABLE notices (
  rollout_id TEXT NOT NULL REFERENCES rollouts (id),
  url        TEXT NOT NULL,
  position   INTEGER NOT NULL,
  PRIMARY KEY (rollout_id, url)
) STRICT, WITHOUT ROWID;

CREATE TABLE readmissions (
  host_id     TEXT PRIMARY KEY REFERENCES hosts (id),
  asked_at    INTEGER NOT NULL,
  approved_by TEXT,
  approved_at INTEGER
) STRICT, WITHOUT ROWID;

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
) STRICT, WITHOUT ROWID;

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

CREATE TABLE audit (
  seq    INTEGER PRIMARY KEY,
  at     INTEGER NOT NULL,
  actor  TEXT NOT NULL,
  action TEXT NOT NULL,
  object TEXT NOT NULL,
  body   TEXT NOT NULL,
  sha256 BLOB NOT NULL
) STRICT;
CREATE INDEX audit_object ON audit (object);
CREATE TRIGGER audit_stays BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_is_whole BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
`;

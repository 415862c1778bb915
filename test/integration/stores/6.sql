PRAGMA application_id = 1634103345;
PRAGMA user_version = 6;
CREATE TABLE audit (
      seq    INTEGER PRIMARY KEY,
      at     INTEGER NOT NULL,
      actor  TEXT NOT NULL,
      action TEXT NOT NULL,
      object TEXT NOT NULL,
      body   TEXT NOT NULL,
      sha256 BLOB NOT NULL
    ) STRICT;
CREATE TABLE certificates (
  serial     TEXT PRIMARY KEY,
  host_id    TEXT REFERENCES hosts (id),
  operator   TEXT REFERENCES operators (name),
  not_after  INTEGER NOT NULL,
  issued_at  INTEGER NOT NULL,
  revoked_at INTEGER,
  CHECK ((host_id IS NULL) <> (operator IS NULL))
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
  scan_failed_why TEXT
) STRICT, WITHOUT ROWID;
CREATE TABLE meta (
  key   TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE notices (
  rollout_id TEXT NOT NULL REFERENCES rollouts (id),
  url        TEXT NOT NULL,
  position   INTEGER NOT NULL,
  PRIMARY KEY (rollout_id, url)
) STRICT, WITHOUT ROWID;
CREATE TABLE operators (
  name       TEXT PRIMARY KEY,
  role       TEXT NOT NULL CHECK (role IN ('viewer', 'operator', 'admin')),
  created_at INTEGER NOT NULL
, removed_at INTEGER, life_ms INTEGER NOT NULL DEFAULT 43200000, role_since INTEGER NOT NULL DEFAULT 0) STRICT, WITHOUT ROWID;
CREATE TABLE readmissions (
      host_id     TEXT PRIMARY KEY REFERENCES hosts (id),
      asked_at    INTEGER NOT NULL,
      approved_by TEXT,
      approved_at INTEGER
    ) STRICT, WITHOUT ROWID;
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
CREATE TABLE rollout_events (
  rollout_id TEXT NOT NULL REFERENCES rollouts (id),
  seq        INTEGER NOT NULL,
  at         INTEGER NOT NULL,
  body       TEXT NOT NULL,
  PRIMARY KEY (rollout_id, seq)
) STRICT, WITHOUT ROWID;
CREATE TABLE rollouts (
  id         TEXT PRIMARY KEY,
  request_id TEXT NOT NULL UNIQUE,
  created_at INTEGER NOT NULL,
  plan       TEXT NOT NULL,
  state      TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE tokens (
  id            TEXT PRIMARY KEY,
  secret_sha256 BLOB NOT NULL,
  expires_at    INTEGER NOT NULL,
  uses_left     INTEGER NOT NULL CHECK (uses_left >= 0),
  failures      INTEGER NOT NULL DEFAULT 0,
  labels        TEXT NOT NULL,
  created_by    TEXT NOT NULL,
  created_at    INTEGER NOT NULL
, operator TEXT REFERENCES operators (name), revoked_at INTEGER) STRICT, WITHOUT ROWID;
CREATE TABLE write_offs (
  host_id    TEXT PRIMARY KEY REFERENCES hosts (id),
  rollout_id TEXT REFERENCES rollouts (id),
  actor      TEXT NOT NULL,
  reason     TEXT NOT NULL,
  since      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX certificates_host ON certificates (host_id);
CREATE TRIGGER audit_stays BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_is_whole BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
INSERT INTO "meta" VALUES('epoch','1');
INSERT INTO "meta" VALUES('settings','{"names":["ctl.example.net"],"port":7443,"enrolPort":7444}');
INSERT INTO "operators" VALUES('admin','admin',1800000000000,NULL,43200000,0);
INSERT INTO "tokens" VALUES('t1',X'2BB80D537B1DA3E38BD30361AA855686BDE0EACD7162FEF6A25FE97BF527A25B',1800000001000,3,0,'{"role":"web"}','admin',1800000000000,NULL,NULL);
INSERT INTO "hosts" VALUES('H1','web01','{"zone":"a","role":"web"}',X'227BA5F2C6C9109FE5C44A0696F393379607493A377F522EE27D9A7AE3227D89','active','t1',1800000000000,'0.1.0',NULL,NULL);
INSERT INTO "hosts" VALUES('H2','web02','{"zone":"a","role":"web"}',X'08F225FE08E94A5B1DA2DA4079FCD1A7647D375CC95624A6C6D65A6FC84B3243','active','t1',1800000000000,'0.1.0',NULL,NULL);
INSERT INTO "certificates" VALUES('s-H1','H1',NULL,1800000000009,1800000000000,NULL);
INSERT INTO "certificates" VALUES('s-H2','H2',NULL,1800000000009,1800000000000,NULL);
INSERT INTO "certificates" VALUES('s-admin',NULL,'admin',1800000000009,1800000000000,NULL);
INSERT INTO "reports" VALUES('H1','d1',1799999999995,1800000000000,'b1','debian 12','6.1.0',1,2,3,4,5,6,'unknown','agent.yaml:3: grace: out of range',X'626F6479');
INSERT INTO "rollouts" VALUES('r1','q1',1800000000000,'{"id":"r1","name":"","reason":"DSA-6001","actor":"admin","createdAt":1800000000000,"digest":"d","hosts":[]}','open');
INSERT INTO "rollout_events" VALUES('r1',1,1800000000000,'{"type":"started","at":1800000000000}');
INSERT INTO "rollout_events" VALUES('r1',2,1800000000001,'{"type":"stopping","at":1800000000001,"why":"x"}');
INSERT INTO "charges" VALUES('H1','r1',1800000000001,'step-failed');

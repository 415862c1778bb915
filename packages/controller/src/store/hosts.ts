import type { FindingKind } from "@afterpatch/core/scan";
import { type By, recordHost } from "./audit.ts";
import { tell } from "./events.ts";
import { keepHistory } from "./history.ts";
import { dropOldCode, keepLarge, keepOldCode } from "./old-code.ts";
import { bytes, type Connection, integer, type Row, stringMap, text } from "./sqlite.ts";

export type StoredHostState = "active" | "cordoned" | "quarantined" | "revoked";
const STATES: readonly StoredHostState[] = ["active", "cordoned", "quarantined", "revoked"];

/** What a report says, without its body. */
export interface ReportSummary {
  readonly digest: string;
  /** The host's clock. */
  readonly scannedAt: number;
  readonly bootId: string;
  readonly os: string;
  readonly kernel: string;
  readonly findings: Readonly<Record<FindingKind, number>>;
  /** Null: unknown. */
  readonly reboot: boolean | null;
  /** Processes that the scan could not look at. */
  readonly unreadable: number;
  /** Why the agent's file is invalid, so that nothing is done on the host; null: it is not. */
  readonly configError: string | null;
}

/** That a host could not be scanned; `at` is the controller's clock. */
export interface ScanFailure {
  readonly at: number;
  readonly why: string;
}

export interface Host {
  readonly id: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly state: StoredHostState;
  readonly enrolledAt: number;
  readonly agentVersion: string;
  /** Null before the first report. `receivedAt` is the controller's clock. */
  readonly report: (ReportSummary & { readonly receivedAt: number }) | null;
  /** Set while no scan has succeeded since: `report` tells of an earlier time then. */
  readonly scanFailure: ScanFailure | null;
}

/** A report with its body: gzip of the `afterpatch.scan/v1` document. */
export type Report = ReportSummary & { readonly body: Uint8Array };

export interface Hosts {
  /** All but revoked ones, by name. */
  list(): Promise<readonly Host[]>;
  byId(id: string): Promise<Host | null>;
  /** A revoked one that was not forgotten, by name or id: its name is taken. */
  revoked(nameOrId: string): Promise<Host | null>;
  /**
   * Keeps the newest report of a host. An empty body means "as the report with this digest": the answer is
   * `body-needed` and nothing is kept when the store does not have that one. What is kept ends a failure to scan.
   */
  saveReport(hostId: string, report: Report, receivedAt: number): Promise<"saved" | "body-needed">;
  /** The newest scan of a host failed; its report stays as it is. */
  saveScanFailure(hostId: string, failure: ScanFailure): Promise<void>;
  report(hostId: string): Promise<(Report & { readonly receivedAt: number }) | null>;
  saveAgentVersion(hostId: string, version: string): Promise<void>;
  /** Refuses the host from now on; its id and name stay taken. */
  revoke(hostId: string, by: By): Promise<void>;
  /** As `revoke`, and its name may be used by another: the host is no more. */
  forget(hostId: string, by: By): Promise<void>;
  /** Nothing is done on it any more, for two machines speak as this host. False: it is so already, or revoked. */
  quarantine(hostId: string, by: By, details: object): Promise<boolean>;
  /** Ends that. False: it is not in quarantine. */
  release(hostId: string, by: By): Promise<boolean>;
}

const COLUMNS = `h.id, h.name, h.labels, h.state, h.enrolled_at, h.agent_version, h.scan_failed_at, h.scan_failed_why, r.digest, r.scanned_at, r.received_at,
  r.boot_id, r.os, r.kernel, r.services, r.xinetd_sessions, r.applications, r.kernels, r.microcodes, r.unreadable, r.reboot,
  r.config_error`;
const FROM = "FROM hosts h LEFT JOIN reports r ON r.host_id = h.id";

export function hosts(db: Connection): Hosts {
  return {
    async list() {
      const rows = db.prepare(`SELECT ${COLUMNS} ${FROM} WHERE h.state <> 'revoked' ORDER BY h.name`).all();
      return rows.map(host);
    },
    async byId(id) {
      const row = db.prepare(`SELECT ${COLUMNS} ${FROM} WHERE h.id = ?`).get(id);
      return row ? host(row) : null;
    },
    async revoked(nameOrId) {
      const isMeant = "h.state = 'revoked' AND instr(h.name, '#') = 0 AND (h.name = ? OR h.id = ?)";
      const row = db.prepare(`SELECT ${COLUMNS} ${FROM} WHERE ${isMeant}`).get(nameOrId, nameOrId);
      return row ? host(row) : null;
    },
    async saveReport(hostId, report, receivedAt) {
      let isLater = false;
      const saved = db.transaction(() => {
        const answer = saveReport(db, hostId, report, receivedAt);
        if (answer === "saved") {
          isLater = report.body.length > 0 && keepOldCode(db, hostId, report.body) === "later";
          keepHistory(db, hostId, report, receivedAt);
          saveScanFailure(db, hostId, null);
        }
        return answer;
      });
      if (isLater) await keepLarge(db, hostId, report.body);
      return saved;
    },
    async saveScanFailure(hostId, failure) {
      db.transaction(() => saveScanFailure(db, hostId, failure));
    },
    async report(hostId) {
      const row = db.prepare("SELECT * FROM reports WHERE host_id = ?").get(hostId);
      return row ? { ...summary(row), receivedAt: integer(row, "received_at"), body: bytes(row, "body") } : null;
    },
    async saveAgentVersion(hostId, version) {
      const change = "UPDATE hosts SET agent_version = ? WHERE id = ? AND agent_version <> ?";
      db.transaction(() => void db.prepare(change).run(version, hostId, version));
    },
    async revoke(hostId, by) {
      db.transaction(() => revoke(db, hostId, "host.revoke", by));
    },
    async forget(hostId, by) {
      db.transaction(() => {
        revoke(db, hostId, "host.forget", by);
        // No name of a host has a '#' in it.
        db.prepare("UPDATE hosts SET name = name || '#' || id WHERE id = ? AND instr(name, '#') = 0").run(hostId);
      });
    },
    async quarantine(hostId, by, details) {
      return db.transaction(() => {
        const change = "UPDATE hosts SET state = 'quarantined' WHERE id = ? AND state IN ('active', 'cordoned')";
        const isNew = db.prepare(change).run(hostId).changes === 1;
        if (isNew) recordHost(db, by, "host.quarantine", hostId, details);
        return isNew;
      });
    },
    async release(hostId, by) {
      return db.transaction(() => {
        const change = "UPDATE hosts SET state = 'active' WHERE id = ? AND state = 'quarantined'";
        const isChanged = db.prepare(change).run(hostId).changes === 1;
        if (isChanged) recordHost(db, by, "host.release", hostId);
        return isChanged;
      });
    },
  };
}

function revoke(db: Connection, hostId: string, action: string, by: By): void {
  recordHost(db, by, action, hostId);
  db.prepare("UPDATE hosts SET state = 'revoked' WHERE id = ?").run(hostId);
  dropOldCode(db, hostId);
  db.prepare("UPDATE certificates SET revoked_at = ? WHERE host_id = ? AND revoked_at IS NULL").run(by.at, hostId);
}

function saveReport(db: Connection, hostId: string, report: Report, receivedAt: number): "saved" | "body-needed" {
  if (report.body.length === 0) {
    const { changes } = db
      .prepare("UPDATE reports SET scanned_at = ?, received_at = ? WHERE host_id = ? AND digest = ?")
      .run(report.scannedAt, receivedAt, hostId, report.digest);
    return changes === 1 ? "saved" : "body-needed";
  }
  const { findings } = report;
  tellReport(db, hostId, report, receivedAt);
  db.prepare(`INSERT OR REPLACE INTO reports (host_id, digest, scanned_at, received_at, boot_id, os, kernel, services,
    xinetd_sessions, applications, kernels, microcodes, unreadable, reboot, config_error, body)
    VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)`).run(
    hostId,
    report.digest,
    report.scannedAt,
    receivedAt,
    report.bootId,
    report.os,
    report.kernel,
    findings.service,
    findings["xinetd-session"],
    findings.application,
    findings.kernel,
    findings.microcode,
    report.unreadable,
    report.reboot === null ? "unknown" : report.reboot ? "yes" : "no",
    report.configError,
    report.body,
  );
  const since = "UPDATE hosts SET old_since = CASE WHEN ? THEN coalesce(old_since, ?) END WHERE id = ?";
  db.prepare(since).run(hasOldCode(report) ? 1 : 0, receivedAt, hostId);
  return "saved";
}

/** Before it is kept: that it differs from the one before, and that old code was found where there was none, or is gone. */
function tellReport(db: Connection, hostId: string, report: Report, at: number): void {
  const row = db.prepare("SELECT * FROM reports WHERE host_id = ?").get(hostId);
  const before = row ? summary(row) : null;
  if (before?.digest === report.digest) return;
  const { findings, reboot, kernel } = report;
  const event = { at, actor: null, hostId, rolloutId: null };
  tell(db, { ...event, type: "host.report", body: { findings, reboot, kernel } });
  const [had, has] = [before !== null && hasOldCode(before), hasOldCode(report)];
  if (had !== has) tell(db, { ...event, type: has ? "host.old-code" : "host.clear", body: { findings, reboot } });
}

function hasOldCode({ findings }: Pick<ReportSummary, "findings">): boolean {
  return Object.values(findings).some((count) => count > 0);
}

function saveScanFailure(db: Connection, hostId: string, failure: ScanFailure | null): void {
  const [at, why] = [failure?.at ?? null, failure?.why ?? null];
  const isOther = "(scan_failed_at IS NOT ? OR scan_failed_why IS NOT ?)";
  db.prepare(`UPDATE hosts SET scan_failed_at = ?, scan_failed_why = ? WHERE id = ? AND ${isOther}`).run(
    at,
    why,
    hostId,
    at,
    why,
  );
}

function host(row: Row): Host {
  const state = STATES.find((known) => known === row.state) ?? "quarantined"; // the schema allows no other
  return {
    id: text(row, "id"),
    name: text(row, "name"),
    labels: stringMap(row, "labels"),
    state,
    enrolledAt: integer(row, "enrolled_at"),
    agentVersion: text(row, "agent_version"),
    report: row.digest === null ? null : { ...summary(row), receivedAt: integer(row, "received_at") },
    scanFailure:
      row.scan_failed_at === null ? null : { at: integer(row, "scan_failed_at"), why: text(row, "scan_failed_why") },
  };
}

function summary(row: Row): ReportSummary {
  const reboot = text(row, "reboot");
  return {
    digest: text(row, "digest"),
    scannedAt: integer(row, "scanned_at"),
    bootId: text(row, "boot_id"),
    os: text(row, "os"),
    kernel: text(row, "kernel"),
    findings: {
      service: integer(row, "services"),
      "xinetd-session": integer(row, "xinetd_sessions"),
      application: integer(row, "applications"),
      kernel: integer(row, "kernels"),
      microcode: integer(row, "microcodes"),
    },
    unreadable: integer(row, "unreadable"),
    reboot: reboot === "yes" ? true : reboot === "no" ? false : null,
    configError: row.config_error === null ? null : text(row, "config_error"),
  };
}

import type { FindingKind } from "@afterpatch/core/scan";
import type { StoredHostState } from "./hosts.ts";
import type { Role } from "./operators.ts";
import { type Commits, type Connection, integer, type Row, text } from "./sqlite.ts";
import { MAX_FAILURES } from "./tokens.ts";

/** What is counted of one host. */
export interface HostFigures {
  readonly id: string;
  readonly name: string;
  readonly state: StoredHostState;
  readonly enrolledAt: number;
  readonly agentVersion: string;
  readonly isScanFailing: boolean;
  /** Since when its reports tell of old code, by the controller's clock; null: its newest one does not. */
  readonly oldSince: number | null;
  /** When its newest certificate ends; null: every one was revoked. */
  readonly certifiedUntil: number | null;
  /** Null before the first report. */
  readonly report: {
    readonly receivedAt: number;
    readonly findings: Readonly<Record<FindingKind, number>>;
    readonly reboot: "yes" | "no" | "unknown";
    readonly unreadable: number;
    readonly isConfigInvalid: boolean;
  } | null;
}

export interface TrustFigures {
  /** Operators that are let in. */
  readonly operators: Readonly<Partial<Record<Role, number>>>;
  /** Tokens that work. */
  readonly hostTokens: number;
  readonly operatorTokens: number;
  /** Hosts that ask to be let in again, and nobody has answered. */
  readonly waiting: number;
  readonly auditEntries: number;
}

/** Numbers over whole tables, for those who watch the controller. */
export interface Figures {
  /** All but revoked ones. */
  hosts(): Promise<readonly HostFigures[]>;
  trust(now: number): Promise<TrustFigures>;
  commits(): Readonly<Commits>;
}

export function figures(db: Connection): Figures {
  return {
    async hosts() {
      return db.prepare(HOSTS).all().map(hostFigures);
    },
    async trust(now) {
      const operators = db.prepare("SELECT role, count(*) AS n FROM operators WHERE removed_at IS NULL GROUP BY role");
      const working = "revoked_at IS NULL AND uses_left > 0 AND failures < ? AND expires_at > ?";
      const tokens = db.prepare(`SELECT count(*) AS n, count(operator) AS logins FROM tokens WHERE ${working}`);
      const { n = 0, logins = 0 } = tokens.get(MAX_FAILURES, now) ?? {};
      return {
        operators: Object.fromEntries(operators.all().map((row) => [text(row, "role"), integer(row, "n")])),
        hostTokens: Number(n) - Number(logins),
        operatorTokens: Number(logins),
        waiting: countOf(db, "SELECT count(*) AS n FROM readmissions WHERE approved_by IS NULL"),
        auditEntries: countOf(db, "SELECT coalesce(max(seq), 0) AS n FROM audit"),
      };
    },
    commits: () => db.commits,
  };
}

const HOSTS = `SELECT h.id, h.name, h.state, h.enrolled_at, h.agent_version, h.scan_failed_at, h.old_since,
  (SELECT max(c.not_after) FROM certificates c WHERE c.host_id = h.id AND c.revoked_at IS NULL) AS certified_until,
  r.received_at, r.services, r.xinetd_sessions, r.applications, r.kernels, r.microcodes, r.unreadable, r.reboot,
  r.config_error IS NOT NULL AS config_invalid
  FROM hosts h LEFT JOIN reports r ON r.host_id = h.id WHERE h.state <> 'revoked'`;

function countOf(db: Connection, sql: string): number {
  const row = db.prepare(sql).get();
  return row ? integer(row, "n") : 0;
}

function hostFigures(row: Row): HostFigures {
  const instant = (column: string) => (row[column] === null ? null : integer(row, column));
  return {
    id: text(row, "id"),
    name: text(row, "name"),
    state: text(row, "state") as StoredHostState, // the schema allows no other
    enrolledAt: integer(row, "enrolled_at"),
    agentVersion: text(row, "agent_version"),
    isScanFailing: row.scan_failed_at !== null,
    oldSince: instant("old_since"),
    certifiedUntil: instant("certified_until"),
    report: row.received_at === null ? null : reportFigures(row),
  };
}

function reportFigures(row: Row): HostFigures["report"] {
  const reboot = text(row, "reboot");
  return {
    receivedAt: integer(row, "received_at"),
    findings: {
      service: integer(row, "services"),
      "xinetd-session": integer(row, "xinetd_sessions"),
      application: integer(row, "applications"),
      kernel: integer(row, "kernels"),
      microcode: integer(row, "microcodes"),
    },
    reboot: reboot === "yes" || reboot === "no" ? reboot : "unknown",
    unreadable: integer(row, "unreadable"),
    isConfigInvalid: row.config_invalid === 1,
  };
}

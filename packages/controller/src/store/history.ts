import type { HeardSpan, Membership } from "@afterpatch/core/fleet/trend";
import type { Report } from "./hosts.ts";
import { type Connection, integer, type Row, stringMap, text } from "./sqlite.ts";

/** A silence of more than this ends what is known of a host: no whole hour passes in which it counts without a report. */
const SILENCE_MS = 3_600_000;

/** A host that is or was in the fleet. */
export interface Member extends Membership {
  /** Without what a forgotten one's name was given to tell it apart. */
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** What reports said, a row for each change. */
export interface HistoryStore {
  /** Everybody who was in the fleet at some time since `from`. */
  members(from: number): Promise<readonly Member[]>;
  /** Heard at some time since `from`, by host, in their order. */
  spans(from: number): Promise<readonly HeardSpan[]>;
}

export function history(db: Connection): HistoryStore {
  return {
    async members(from) {
      const rows = db
        .prepare(`SELECT h.id, h.name, h.labels, h.state, min(h.enrolled_at, coalesce(r.since, h.enrolled_at)) AS since,
          (SELECT max(revoked_at) FROM certificates c WHERE c.host_id = h.id) AS ended FROM hosts h
          LEFT JOIN (SELECT host_id, min(since) AS since FROM report_history GROUP BY host_id) r ON r.host_id = h.id`)
        .all();
      return rows.map(member).filter(({ until }) => until === null || until > from);
    },
    async spans(from) {
      const page = db.prepare(`SELECT * FROM report_history WHERE (host_id, since) > (?1, ?2) AND heard_at >= ?3
        ORDER BY host_id, since LIMIT ?4`);
      const all: HeardSpan[] = [];
      for (;;) {
        const last = all.at(-1);
        const rows = page.all(last?.hostId ?? "", last?.since ?? 0, from, PAGE);
        for (const row of rows) all.push(span(row));
        if (rows.length < PAGE) return all;
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
  };
}

/** Others wait no longer than these take, some 20 ms. */
const PAGE = 5_000;

function span(row: Row): HeardSpan {
  return {
    ...{ hostId: text(row, "host_id"), since: integer(row, "since"), heardAt: integer(row, "heard_at") },
    hasOldCode: COUNTS.some((column) => integer(row, column) > 0),
    reboot: row.reboot === "unknown" ? null : row.reboot === "yes",
  };
}

const COUNTS = ["services", "xinetd_sessions", "applications", "kernels", "microcodes"] as const;

function member(row: Row): Member {
  const isGone = row.state === "revoked";
  return {
    ...{ hostId: text(row, "id"), name: text(row, "name").split("#")[0] ?? "", labels: stringMap(row, "labels") },
    ...{ from: integer(row, "since"), until: isGone && row.ended !== null ? integer(row, "ended") : isGone ? 0 : null },
  };
}

/** Within the transaction that keeps a report; one without a body says what the one of this digest did. */
export function keepHistory(db: Connection, hostId: string, report: Report, at: number): void {
  const last = db.prepare("SELECT * FROM report_history WHERE host_id = ? ORDER BY since DESC LIMIT 1").get(hostId);
  if (last && text(last, "digest") === report.digest && at - integer(last, "heard_at") <= SILENCE_MS) {
    const change = "UPDATE report_history SET heard_at = max(heard_at, ?) WHERE host_id = ? AND since = ?";
    db.prepare(change).run(at, hostId, integer(last, "since"));
    return;
  }
  // As it was kept: a report without a body has no counts of its own.
  db.prepare(`INSERT OR REPLACE INTO report_history (host_id, since, heard_at, digest, kernel, services, xinetd_sessions,
    applications, kernels, microcodes, reboot) SELECT host_id, ?, ?, digest, kernel, services, xinetd_sessions,
    applications, kernels, microcodes, reboot FROM reports WHERE host_id = ?`).run(at, at, hostId);
}

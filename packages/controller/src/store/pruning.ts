import type { Connection } from "./sqlite.ts";

export interface Retention {
  readonly reportsMs: number;
  /** Of each host. */
  readonly reportsPerHost: number;
  readonly eventsMs: number;
  readonly mostEvents: number;
}

/** There are many, of a few hours each; their logins stay in the audit log. */
const MACHINES_MS = 30 * 86_400_000;
/** So many at once: whoever wants to write waits for no more. */
const AT_ONCE = 5_000;

/**
 * Removes what is older or more than is kept: history of reports, events of the fleet, machines' certificates that ended long ago. Never the newest report of a host,
 * rollouts or the audit log, which are whole for as long as the store is. Answers how many rows went.
 */
export async function prune(db: Connection, now: number, keep: Retention): Promise<number> {
  const first = db.prepare("SELECT min(seq) AS seq FROM events WHERE at >= ?").get(now - keep.eventsMs)?.seq;
  const last = Number(db.prepare("SELECT coalesce(max(seq), 0) AS seq FROM events").get()?.seq);
  // From the front alone, whatever clocks did: what is left has no holes.
  const until = Math.max(typeof first === "number" ? first : last + 1, last - keep.mostEvents + 1);
  const events = "DELETE FROM events WHERE seq IN (SELECT seq FROM events WHERE seq < ?1 ORDER BY seq LIMIT ?2)";
  const old = `DELETE FROM report_history WHERE (host_id, since) IN
    (SELECT host_id, since FROM report_history WHERE heard_at < ?1 LIMIT ?2)`;
  const many = `DELETE FROM report_history WHERE (host_id, since) IN (SELECT host_id, since FROM (SELECT host_id, since,
    row_number() OVER (PARTITION BY host_id ORDER BY since DESC) AS nth FROM report_history) WHERE nth > ?1 LIMIT ?2)`;
  const machines = `DELETE FROM certificates WHERE serial IN
    (SELECT serial FROM certificates WHERE token_id IS NOT NULL AND not_after < ?1 LIMIT ?2)`;
  const gone = [
    await inTurns(db, machines, now - MACHINES_MS),
    await inTurns(db, events, until),
    await inTurns(db, old, now - keep.reportsMs),
    await inTurns(db, many, keep.reportsPerHost),
  ];
  return gone.reduce((all, one) => all + one, 0);
}

async function inTurns(db: Connection, sql: string, bound: number): Promise<number> {
  for (let all = 0; ; ) {
    const changes = db.transaction(() => Number(db.prepare(sql).run(bound, AT_ONCE).changes));
    all += changes;
    if (changes < AT_ONCE) return all;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

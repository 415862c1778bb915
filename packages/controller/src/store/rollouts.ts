import type { ChargeChange } from "@afterpatch/core/rollout/charges";
import type { RolloutEvent } from "@afterpatch/core/rollout/event";
import type { RolloutPlan } from "@afterpatch/core/rollout/types";
import { record, recordEvent, sha256, user, recordHost } from "./audit.ts";
import { StoreError } from "./errors.ts";
import type { RolloutStore, StoredRollout } from "./rollout-store.ts";
import { type Connection, integer, text } from "./sqlite.ts";

/** Rollouts in SQLite: the plan as it was frozen, and one row for each event. */
export function rollouts(db: Connection): RolloutStore {
  return {
    async create(plan, requestId, events) {
      return db.transaction(() => {
        const known = findRequest(db, requestId);
        if (known !== null) return known;
        const frozen = JSON.stringify(plan);
        db.prepare("INSERT INTO rollouts (id, request_id, created_at, plan, state) VALUES (?,?,?,?,'open')").run(
          plan.id,
          requestId,
          plan.createdAt,
          frozen,
        );
        const { id, actor, createdAt: at, reason, pattern } = plan;
        const what = { pattern, hosts: plan.hosts.length, sha256: sha256(frozen) };
        record(db, { actor: user(actor), at, reason }, "rollout.create", id, what);
        events.forEach((event, index) => {
          insertEvent(db, plan.id, index + 1, event);
        });
        const webhook = db.prepare("INSERT INTO notices (rollout_id, url, position) VALUES (?,?,0)");
        for (const url of new Set((plan.webhooks ?? []).map((one) => one.url))) webhook.run(plan.id, url);
        return plan.id;
      });
    },
    async append(rolloutId, { version, event, isClosing, charge }) {
      db.transaction(() => {
        // The primary key refuses a second event in the same place.
        insertEvent(db, rolloutId, version + 1, event);
        if (isClosing) db.prepare("UPDATE rollouts SET state = 'closed' WHERE id = ?").run(rolloutId);
        if (charge !== null) change(db, charge);
      });
    },
    async charges() {
      const rows = db.prepare("SELECT host_id, rollout_id, since, why FROM charges ORDER BY since, host_id").all();
      return rows.map((row) => ({
        hostId: text(row, "host_id"),
        rolloutId: text(row, "rollout_id"),
        since: integer(row, "since"),
        why: text(row, "why"),
      }));
    },
    async writeOffs() {
      const rows = db
        .prepare("SELECT host_id, rollout_id, actor, reason, since FROM write_offs ORDER BY host_id")
        .all();
      return rows.map((row) => ({
        hostId: text(row, "host_id"),
        rolloutId: row.rollout_id === null ? null : text(row, "rollout_id"),
        actor: text(row, "actor"),
        reason: text(row, "reason"),
        since: integer(row, "since"),
      }));
    },
    async change(charge) {
      db.transaction(() => change(db, charge));
    },
    async open() {
      const rows = db.prepare("SELECT id, plan FROM rollouts WHERE state = 'open' ORDER BY created_at, id").all();
      return rows.map((row) => stored(db, text(row, "id"), text(row, "plan")));
    },
    async load(rolloutId) {
      const row = db.prepare("SELECT plan FROM rollouts WHERE id = ?").get(rolloutId);
      return row ? stored(db, rolloutId, text(row, "plan")) : null;
    },
    async recent(limit) {
      const rows = db.prepare("SELECT id, plan FROM rollouts ORDER BY created_at DESC, id DESC LIMIT ?").all(limit);
      return rows.map((row) => stored(db, text(row, "id"), text(row, "plan")));
    },
    async byRequest(requestId) {
      return findRequest(db, requestId);
    },
  };
}

function findRequest(db: Connection, requestId: string): string | null {
  const row = db.prepare("SELECT id FROM rollouts WHERE request_id = ?").get(requestId);
  return row ? text(row, "id") : null;
}

function change(db: Connection, change: ChargeChange): void {
  switch (change.kind) {
    case "clear":
      forget(db, change.hostId);
      return;
    case "charge": {
      const { hostId, rolloutId, since, why } = change.charge;
      forget(db, hostId);
      const insert = "INSERT INTO charges (host_id, rollout_id, since, why) VALUES (?,?,?,?)";
      db.prepare(insert).run(hostId, rolloutId, since, why);
      return;
    }
    case "write-off": {
      const { hostId, rolloutId, actor, reason, since } = change.writeOff;
      forget(db, hostId);
      recordHost(db, { actor: user(actor), at: since, reason }, "host.write-off", hostId, { rollout: rolloutId });
      const insert = "INSERT INTO write_offs (host_id, rollout_id, actor, reason, since) VALUES (?,?,?,?,?)";
      db.prepare(insert).run(hostId, rolloutId, actor, reason, since);
    }
  }
}

function forget(db: Connection, hostId: string): void {
  for (const table of ["charges", "write_offs"]) db.prepare(`DELETE FROM ${table} WHERE host_id = ?`).run(hostId);
}

function insertEvent(db: Connection, rolloutId: string, seq: number, event: RolloutEvent): void {
  const body = JSON.stringify(event);
  const insert = "INSERT INTO rollout_events (rollout_id, seq, at, body) VALUES (?,?,?,?)";
  db.prepare(insert).run(rolloutId, seq, event.at, body);
  recordEvent(db, rolloutId, seq, event, body);
}

function stored(db: Connection, rolloutId: string, plan: string): StoredRollout {
  const rows = db.prepare("SELECT seq, body FROM rollout_events WHERE rollout_id = ? ORDER BY seq").all(rolloutId);
  const events = rows.map((row, index) => {
    if (integer(row, "seq") !== index + 1) throw unreadable(rolloutId, `: event ${index + 1} is missing`);
    return parsed(rolloutId, text(row, "body")) as RolloutEvent; // written by insertEvent alone; the store's integrity is checked at open
  });
  return { plan: parsed(rolloutId, plan) as RolloutPlan, events }; // likewise
}

function parsed(rolloutId: string, json: string): unknown {
  try {
    return JSON.parse(json);
  } catch (cause) {
    throw unreadable(rolloutId, "", { cause });
  }
}

function unreadable(rolloutId: string, detail: string, options?: ErrorOptions): StoreError {
  const why = `rollout ${rolloutId} is not readable${detail}`;
  return new StoreError("corrupt", "store", why, "restore it from a backup", options);
}

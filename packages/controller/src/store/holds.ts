import type { Hold } from "@afterpatch/core/rollout/holds";
import { type By, record, user, recordHost } from "./audit.ts";
import { type Connection, integer, type Row, text } from "./sqlite.ts";

/** What people hold back; holds that have ended by themselves are kept until they are replaced or lifted. */
export interface HoldStore {
  /** By host id. */
  cordons(): Promise<ReadonlyMap<string, Hold>>;
  /** Takes the place of a cordon that one of these hosts has already. */
  cordon(hostIds: readonly string[], hold: Hold): Promise<void>;
  uncordon(hostIds: readonly string[], by: By): Promise<void>;
  freeze(): Promise<Hold | null>;
  /** Null: none from now on. */
  setFreeze(hold: Hold | null, by: By): Promise<void>;
}

export function holds(db: Connection): HoldStore {
  return {
    async cordons() {
      const rows = db.prepare("SELECT host_id, actor, reason, since, until FROM cordons ORDER BY host_id").all();
      return new Map(rows.map((row) => [text(row, "host_id"), hold(row)]));
    },
    async cordon(hostIds, { actor, reason, since, until }) {
      const insert = "INSERT OR REPLACE INTO cordons (host_id, actor, reason, since, until) VALUES (?,?,?,?,?)";
      db.transaction(() => {
        for (const id of hostIds) {
          db.prepare(insert).run(id, actor, reason, since, until);
          recordHost(db, { actor: user(actor), at: since, reason }, "host.cordon", id, { until });
        }
      });
    },
    async uncordon(hostIds, by) {
      db.transaction(() => {
        for (const id of hostIds) {
          db.prepare("DELETE FROM cordons WHERE host_id = ?").run(id);
          recordHost(db, by, "host.uncordon", id);
        }
      });
    },
    async freeze() {
      const row = db.prepare("SELECT actor, reason, since, until FROM freezes").get();
      return row ? hold(row) : null;
    },
    async setFreeze(hold, by) {
      db.transaction(() => {
        db.prepare("DELETE FROM freezes").run();
        if (hold === null) return record(db, by, "fleet.thaw", "");
        record(db, { ...by, reason: hold.reason }, "fleet.freeze", "", { until: hold.until });
        const { actor, reason, since, until } = hold;
        const insert = "INSERT INTO freezes (id, actor, reason, since, until) VALUES (1,?,?,?,?)";
        db.prepare(insert).run(actor, reason, since, until);
      });
    },
  };
}

function hold(row: Row): Hold {
  const until = row.until === null ? null : integer(row, "until");
  return { actor: text(row, "actor"), reason: text(row, "reason"), since: integer(row, "since"), until };
}

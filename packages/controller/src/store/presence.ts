import { tell } from "./events.ts";
import { type Connection, text } from "./sqlite.ts";

/** Which hosts are known to be lost: told once when they are, and once when they are heard again. */
export interface PresenceStore {
  /** Ids. */
  lost(): Promise<ReadonlySet<string>>;
  /** `heardAt`: last, epoch milliseconds. */
  setLost(hostId: string, at: number, heardAt: number): Promise<void>;
  setBack(hostId: string, at: number): Promise<void>;
}

export function presence(db: Connection): PresenceStore {
  const about = (hostId: string, at: number) => ({ at, actor: null, hostId, rolloutId: null });
  return {
    async lost() {
      const rows = db.prepare("SELECT id FROM hosts WHERE lost_at IS NOT NULL").all();
      return new Set(rows.map((row) => text(row, "id")));
    },
    async setLost(hostId, at, heardAt) {
      db.transaction(() => {
        const change = "UPDATE hosts SET lost_at = ? WHERE id = ? AND lost_at IS NULL";
        const { changes } = db.prepare(change).run(at, hostId);
        if (changes === 1) tell(db, { ...about(hostId, at), type: "host.lost", body: { heardAt } });
      });
    },
    async setBack(hostId, at) {
      db.transaction(() => {
        const { changes } = db
          .prepare("UPDATE hosts SET lost_at = NULL WHERE id = ? AND lost_at IS NOT NULL")
          .run(hostId);
        if (changes === 1) tell(db, { ...about(hostId, at), type: "host.back", body: {} });
      });
    },
  };
}

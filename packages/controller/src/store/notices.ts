import type { RolloutEvent } from "@afterpatch/core/rollout/event";
import type { RolloutPlan } from "@afterpatch/core/rollout/types";
import { type Connection, integer, text } from "./sqlite.ts";

/** A webhook that has to be told of events of a rollout still. */
export interface Due {
  readonly rolloutId: string;
  readonly url: string;
  /** So many events have been told, or are of no interest. */
  readonly position: number;
}

/** What webhooks have been told. Rows are made with their rollout, and gone when its end was told. */
export interface NoticeStore {
  due(): Promise<readonly Due[]>;
  /** Events after so many, with the rollout's plan; null: there is no such rollout. */
  after(
    rolloutId: string,
    position: number,
  ): Promise<{ readonly plan: RolloutPlan; readonly events: readonly RolloutEvent[] } | null>;
  /** `isLast`: nothing more will be told. */
  told(due: Due, isLast: boolean): Promise<void>;
}

export function notices(db: Connection): NoticeStore {
  return {
    async due() {
      const rows = db.prepare("SELECT rollout_id, url, position FROM notices ORDER BY rollout_id, url").all();
      return rows.map((row) => ({
        rolloutId: text(row, "rollout_id"),
        url: text(row, "url"),
        position: integer(row, "position"),
      }));
    },
    async after(rolloutId, position) {
      const row = db.prepare("SELECT plan FROM rollouts WHERE id = ?").get(rolloutId);
      if (!row) return null;
      const found = "SELECT body FROM rollout_events WHERE rollout_id = ? AND seq > ? ORDER BY seq";
      const events = db.prepare(found).all(rolloutId, position);
      return {
        plan: JSON.parse(text(row, "plan")) as RolloutPlan, // written by rollouts() alone
        events: events.map((event) => JSON.parse(text(event, "body")) as RolloutEvent), // likewise
      };
    },
    async told({ rolloutId, url, position }, isLast) {
      const change = isLast
        ? db.prepare("DELETE FROM notices WHERE rollout_id = ? AND url = ? AND position <= ?")
        : db.prepare("UPDATE notices SET position = ?3 WHERE rollout_id = ?1 AND url = ?2");
      db.transaction(() => void change.run(rolloutId, url, position));
    },
  };
}

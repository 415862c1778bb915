import { type Connection, integer } from "./sqlite.ts";

/** How far the webhooks of controller.yaml were told of the fleet's events. */
export interface ToldStore {
  /** Forgets all other webhooks; one that is new is told what comes after `last`. */
  keepOnly(urls: readonly string[], last: number): Promise<void>;
  position(url: string): Promise<number>;
  tell(url: string, position: number): Promise<void>;
}

export function told(db: Connection): ToldStore {
  return {
    async keepOnly(urls, last) {
      db.transaction(() => {
        db.prepare("DELETE FROM told WHERE url NOT IN (SELECT value FROM json_each(?))").run(JSON.stringify(urls));
        for (const url of urls) db.prepare("INSERT OR IGNORE INTO told (url, position) VALUES (?, ?)").run(url, last);
      });
    },
    async position(url) {
      const row = db.prepare("SELECT position FROM told WHERE url = ?").get(url);
      return row ? integer(row, "position") : 0;
    },
    async tell(url, position) {
      db.transaction(() => void db.prepare("UPDATE told SET position = ? WHERE url = ?").run(position, url));
    },
  };
}

import { CONTROLLER, record } from "./audit.ts";
import { StoreError } from "./errors.ts";
import { type Connection, text } from "./sqlite.ts";

/** What `init` was told. */
export interface Settings {
  /** DNS names and addresses of the controller; the first is the one that agents and operators are given. */
  readonly names: readonly string[];
  readonly port: number;
  readonly enrolPort: number;
}

export function writeSettings(db: Connection, settings: Settings): void {
  db.prepare("INSERT INTO meta (key, value) VALUES ('settings', ?)").run(JSON.stringify(settings));
}

export function readSettings(db: Connection): Settings {
  const row = db.prepare("SELECT value FROM meta WHERE key = 'settings'").get();
  const value = row ? parsed(text(row, "value")) : null;
  if (!isSettings(value))
    throw new StoreError("corrupt", "store", "settings are not readable", "restore it from a backup");
  return value;
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return null; // as unreadable as settings of another shape
  }
}

function isSettings(value: unknown): value is Settings {
  if (typeof value !== "object" || value === null) return false;
  const { names, port, enrolPort } = value as Record<string, unknown>; // an object, its fields are checked next
  return (
    Array.isArray(names) &&
    names.length > 0 &&
    names.every((name) => typeof name === "string") &&
    typeof port === "number" &&
    typeof enrolPort === "number"
  );
}

/** Begins a new fencing epoch, on the disk when this returns. Agents refuse commands of a smaller one. */
export function beginEpoch(db: Connection, at: number): number {
  return db.transaction(() => {
    const epoch = readEpoch(db) + 1;
    setEpoch(db, epoch);
    record(db, { actor: CONTROLLER, at }, "controller.start", "", { epoch });
    return epoch;
  });
}

/** Of the last controller that opened it; 0: none has. */
export function readEpoch(db: Connection): number {
  const row = db.prepare("SELECT value FROM meta WHERE key = 'epoch'").get();
  const epoch = row ? Number(text(row, "value")) : 0;
  if (!Number.isSafeInteger(epoch))
    throw new StoreError("corrupt", "store", "epoch is not a number", "restore it from a backup");
  return epoch;
}

/** Within a transaction. */
export function setEpoch(db: Connection, epoch: number): void {
  db.prepare("INSERT OR REPLACE INTO meta (key, value) VALUES ('epoch', ?)").run(String(epoch));
}

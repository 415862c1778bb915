import { accessSync, constants, existsSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { fileReason } from "@afterpatch/core/command-error";
import { backup, DatabaseSync, type SQLOutputValue, type StatementSync } from "node:sqlite";
import { ACCESS, StoreError, storeError } from "./errors.ts";
import { columnsOf, migrate } from "./migrations.ts";
import { APPLICATION_ID, SCHEMA, SCHEMA_VERSION } from "./schema.ts";

/** Counted since the store was opened. */
export interface Commits {
  done: number;
  /** What the disk or the store itself refused. */
  failed: number;
  /** Of those done and failed, seconds. */
  seconds: number;
}

/** The one connection to the store; for files of store/ only. */
export interface Connection {
  /** Version that the store had before it was opened, where that was an older one. */
  readonly migratedFrom: number | null;
  /** Prepares once per text. */
  prepare(sql: string): StatementSync;
  /** All of `fn` or nothing. Synchronous on purpose: nothing else runs in between. */
  transaction<T>(fn: () => T): T;
  /** Of the fleet's events: written in this transaction, and who wants to hear once they are on the disk. */
  readonly news: { isNew: boolean; readonly listeners: Set<() => void> };
  /** How often it was written to, and how long that took. */
  readonly commits: Commits;
  /** Called once when the disk failed: nothing is written any more, and the process is to end. */
  whenBroken: (error: StoreError) => void;
  /** Copies all of it to a new file while it is used; what is written meanwhile is in the copy. */
  copy(to: string): Promise<void>;
  close(): void;
}

/** Makes an empty store. Fails when something is at `path` already. */
export function createDatabase(path: string): Connection {
  if (existsSync(path))
    throw new StoreError("exists", path, "a store is there already", "choose another data directory");
  return guarded(path, (db) => {
    configure(db);
    db.exec(
      `BEGIN IMMEDIATE; ${SCHEMA} PRAGMA application_id=${APPLICATION_ID}; PRAGMA user_version=${SCHEMA_VERSION}; COMMIT`,
    );
    return null;
  });
}

/**
 * Opens a store for this process alone; it stays locked until it is closed or the process ends. One of an older version
 * is brought to this one's.
 */
export function openDatabase(path: string): Connection {
  if (!existsSync(path)) {
    const todo = "put a copy of it back, or begin anew with 'afterpatch-controller init' in another directory";
    throw new StoreError("missing", path, "the store is missing", todo);
  }
  checkAccess(path);
  return guarded(path, (db) => {
    configure(db);
    const version = check(path, db);
    return version < SCHEMA_VERSION ? version : null;
  });
}

/** Asked of the system first: SQLite tells of a file that it may not write only that reading or writing failed. */
function checkAccess(path: string): void {
  const refused = (why: string, options?: ErrorOptions) =>
    new StoreError("io", path, `store cannot be opened: ${why}`, ACCESS, options);
  if (statSync(path).isDirectory()) throw refused("it is a directory");
  try {
    for (const place of [path, dirname(path)]) accessSync(place, constants.R_OK | constants.W_OK);
  } catch (cause) {
    throw refused(fileReason(cause), { cause });
  }
}

/** `prepare` answers what the store is migrated from. */
function guarded(path: string, prepare: (db: DatabaseSync) => number | null): Connection {
  const umask = process.umask(0o077); // SQLite makes files with 0644 otherwise
  let db: DatabaseSync | null = null;
  try {
    db = new DatabaseSync(path, { timeout: 0, allowExtension: false, defensive: true });
    return connection(path, db, prepare(db));
  } catch (error) {
    db?.close();
    throw storeError(path, error) ?? error;
  } finally {
    process.umask(umask);
  }
}

function configure(db: DatabaseSync): void {
  // Exclusive before the first access: no shared memory file, and a second controller fails at once.
  db.exec(`PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;
    PRAGMA foreign_keys=ON; PRAGMA trusted_schema=OFF; BEGIN IMMEDIATE; COMMIT`);
}

/** The version it had; afterwards it is this program's. */
function check(path: string, db: DatabaseSync): number {
  if (number(db, "PRAGMA application_id") !== APPLICATION_ID) {
    throw new StoreError("not-a-store", path, "not a store of afterpatch", "restore it from a backup");
  }
  const version = number(db, "PRAGMA user_version");
  if (version > SCHEMA_VERSION) {
    const why = `store has version ${version}, this program knows up to ${SCHEMA_VERSION}`;
    throw new StoreError("newer", path, why, "run the newer afterpatch-controller");
  }
  const corrupt = (why: string) =>
    new StoreError("corrupt", path, `store is corrupt${why}`, "restore it from a backup");
  if (Object.values(db.prepare("PRAGMA quick_check(1)").get() ?? {})[0] !== "ok") throw corrupt("");
  if (version < 1) throw corrupt(`: its version is ${version}`);
  try {
    if (version < SCHEMA_VERSION) migrate(db, version);
  } catch (error) {
    const isOfTables = error instanceof Error && "errcode" in error && error.errcode === 1; // SQLITE_ERROR: no such table, and its like
    throw isOfTables ? corrupt(`: its tables are not those of version ${version}: ${error.message}`) : error;
  }
  const missing = missingFrom(db);
  if (missing !== null) throw corrupt(`: it has no ${missing}`);
  return version;
}

/** The first table, column or trigger that a new store has and this one has not. */
function missingFrom(db: DatabaseSync): string | null {
  using made = new DatabaseSync(":memory:");
  made.exec(SCHEMA);
  for (const { name } of made.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all()) {
    const table = String(name);
    const present = columnsOf(db, table);
    if (present.size === 0) return `table ${table}`;
    for (const column of columnsOf(made, table)) if (!present.has(column)) return `column ${column} in table ${table}`;
  }
  const triggers = "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'";
  const present = new Map(
    db
      .prepare(triggers)
      .all()
      .map(({ name, sql }) => [name, sql]),
  );
  for (const { name, sql } of made.prepare(triggers).all())
    if (present.get(String(name)) !== sql) return `trigger ${name} as it was made`;
  return null;
}

function number(db: DatabaseSync, pragma: string): number {
  return Number(Object.values(db.prepare(pragma).get() ?? {})[0]);
}

/** 4 KiB each: what waits for it waits for less than a millisecond. */
const PAGES_AT_ONCE = 256;

/** A call to the system failed (SQLITE_IOERR, a failed fsync among them): nobody knows what of it is on the disk. */
const IO_ERROR = 10;

function connection(path: string, db: DatabaseSync, migratedFrom: number | null): Connection {
  const statements = new Map<string, StatementSync>();
  let broken: StoreError | null = null;
  return {
    whenBroken: () => {},
    commits: { done: 0, failed: 0, seconds: 0 },
    news: { isNew: false, listeners: new Set() },
    migratedFrom,
    prepare(sql) {
      const statement = statements.get(sql) ?? db.prepare(sql);
      statements.set(sql, statement);
      return statement;
    },
    transaction(fn) {
      if (broken) throw broken;
      const beganAt = performance.now();
      try {
        db.exec("BEGIN IMMEDIATE");
        const result = fn();
        db.exec("COMMIT");
        this.commits.done++;
        if (this.news.isNew) for (const told of this.news.listeners) queueMicrotask(told);
        this.news.isNew = false;
        return result;
      } catch (error) {
        this.news.isNew = false;
        const known = storeError(path, error);
        if (known) this.commits.failed++;
        // No retry: a page that could not be synced may be marked clean (fsyncgate). What is on the disk is found out anew.
        if (known && codeOf(error) === IO_ERROR) {
          broken = known;
          this.whenBroken(known);
          throw known;
        }
        if (db.isTransaction) db.exec("ROLLBACK");
        throw known ?? error;
      } finally {
        this.commits.seconds += (performance.now() - beganAt) / 1000;
      }
    },
    async copy(to) {
      await backup(db, to, { rate: PAGES_AT_ONCE }).catch((error: unknown) => {
        throw storeError(to, error) ?? error;
      });
    },
    close: () => db.close(),
  };
}

/** SQLite's primary result code; null for other errors. */
function codeOf(error: unknown): number | null {
  return error instanceof Error && "errcode" in error && typeof error.errcode === "number"
    ? error.errcode & 0xff
    : null;
}

/** A row as node:sqlite returns it. */
export type Row = Record<string, SQLOutputValue>;

export function text(row: Row, column: string): string {
  const value = row[column];
  if (typeof value !== "string") throw damaged(column, "text");
  return value;
}

export function integer(row: Row, column: string): number {
  const value = row[column];
  if (typeof value !== "number") throw damaged(column, "a number");
  return value;
}

export function bytes(row: Row, column: string): Uint8Array {
  const value = row[column];
  if (!(value instanceof Uint8Array)) throw damaged(column, "a blob");
  return value;
}

/** A flat JSON object of strings. */
export function stringMap(row: Row, column: string): Readonly<Record<string, string>> {
  const value: unknown = JSON.parse(text(row, column));
  const entries = typeof value === "object" && value !== null ? Object.entries(value) : null;
  if (!entries?.every((entry): entry is [string, string] => typeof entry[1] === "string")) {
    throw damaged(column, "a map of strings");
  }
  return Object.fromEntries(entries);
}

function damaged(column: string, expected: string): StoreError {
  return new StoreError("corrupt", "store", `column ${column} is not ${expected}`, "restore it from a backup");
}

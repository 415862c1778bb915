import { CommandError } from "@afterpatch/core/command-error";
import { EXIT } from "@afterpatch/core/exit";

export type StoreCode = "missing" | "exists" | "in-use" | "not-a-store" | "corrupt" | "newer" | "io";

/** The store cannot be opened or has stopped being readable. `what` is its file. */
export class StoreError extends Error {
  override readonly name = "StoreError";
  readonly code: StoreCode;
  readonly what: string;
  readonly why: string;
  readonly todo: string;
  constructor(code: StoreCode, what: string, why: string, todo: string, options?: ErrorOptions) {
    super(`${what}: ${why}; ${todo}`, options);
    this.code = code;
    this.what = what;
    this.why = why;
    this.todo = todo;
  }
}

const BACKUP = "restore it from a backup";
export const ACCESS = "check owner and mode of the data directory, and that its file system is mounted for writing";
const IN_USE = ["in-use", "store is in use by another controller", "stop it first"] as const;

// Result codes of SQLite (sqlite.org/rescode.html); the low byte of an extended code is the primary one.
const CODES: Readonly<Record<number, readonly [StoreCode, string, string]>> = {
  5: IN_USE,
  6: IN_USE,
  8: ["io", "store cannot be written", ACCESS],
  10: ["io", "store cannot be read or written", "check the disk and the space left on it"],
  11: ["corrupt", "store is corrupt", BACKUP],
  13: ["io", "disk is full", "free some space"],
  14: ["io", "store cannot be opened", ACCESS],
  26: ["not-a-store", "not a store of afterpatch", BACKUP],
};

/** What an error of SQLite means for the store at `path`; null for errors that are not about the file. */
export function storeError(path: string, error: unknown): StoreError | null {
  if (error instanceof StoreError) return error;
  if (!(error instanceof Error) || !("errcode" in error) || typeof error.errcode !== "number") return null;
  const known = CODES[error.errcode & 0xff];
  return known ? new StoreError(known[0], path, known[1], known[2], { cause: error }) : null;
}

/** As the end of a command: a file that cannot be had is 5, a store that cannot be used is 1 (contracts). */
export function storeFailure(error: StoreError): CommandError {
  const { code, what, why, todo } = error;
  const isFile = code === "io" || code === "missing" || code === "exists";
  return new CommandError(isFile ? EXIT.usage : EXIT.internal, what, why, todo, { cause: error });
}

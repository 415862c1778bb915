export type StoreCode = "missing" | "exists" | "in-use" | "not-a-store" | "corrupt" | "newer" | "io";

/** The store cannot be opened or has stopped being readable. The message names the file and says what to do. */
export class StoreError extends Error {
  override readonly name = "StoreError";
  readonly code: StoreCode;
  constructor(code: StoreCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

// Result codes of SQLite (sqlite.org/rescode.html); the low byte of an extended code is the primary one.
const CODES: Readonly<Record<number, readonly [StoreCode, string]>> = {
  5: ["in-use", "store is in use by another controller; stop it first"],
  6: ["in-use", "store is in use by another controller; stop it first"],
  8: ["io", "store cannot be written; check the owner and mode of the data directory"],
  10: ["io", "store cannot be read or written; check the disk"],
  11: ["corrupt", "store is corrupt; restore it from a backup"],
  13: ["io", "disk is full; free some space"],
  14: ["io", "store cannot be opened; check the owner and mode of the data directory"],
  26: ["not-a-store", "not a store of afterpatch; restore it from a backup"],
};

/** What an error of SQLite means for the store at `path`; null for errors that are not about the file. */
export function storeError(path: string, error: unknown): StoreError | null {
  if (error instanceof StoreError) return error;
  if (!(error instanceof Error) || !("errcode" in error) || typeof error.errcode !== "number") return null;
  const known = CODES[error.errcode & 0xff];
  return known ? new StoreError(known[0], `${path}: ${known[1]}`, { cause: error }) : null;
}

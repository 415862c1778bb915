import { type BigIntStats, closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { codeOf, explain, pathOf } from "../read.ts";

/** What one reading of the package databases may still use. */
export interface Allowance {
  bytes: number;
  /** performance.now() after which nothing more is read. */
  readonly until: number;
}

export function allowance(): Allowance {
  return { bytes: 512 * 1024 * 1024, until: performance.now() + 5000 };
}

export type Read =
  | { readonly kind: "text"; readonly text: string; readonly stat: BigIntStats }
  | { readonly kind: "missing" }
  | { readonly kind: "unreadable"; readonly why: string };

/** Thousands of lists are read, most of them short: they share this, and leave nothing behind but their text. */
const scratch = Buffer.allocUnsafeSlow(64 * 1024);

/** Text of a regular file, one byte per character; links are not followed, nothing else is opened or waited for. */
export function readRegular(path: string, longest: number, allowed: Allowance): Read {
  const read = readInto(scratch, path, longest, allowed);
  return read.kind === "bytes" ? { kind: "text", text: read.bytes.toString("latin1"), stat: read.stat } : read;
}

export type ReadBytes =
  | { readonly kind: "bytes"; readonly bytes: Buffer; readonly stat: BigIntStats }
  | Exclude<Read, { kind: "text" }>;

export function readBytes(path: string, longest: number, allowed: Allowance): ReadBytes {
  return readInto(null, path, longest, allowed);
}

/** `shared` is used where it is long enough. */
function readInto(shared: Buffer | null, path: string, longest: number, allowed: Allowance): ReadBytes {
  if (performance.now() > allowed.until) return { kind: "unreadable", why: "reading the database took too long" };
  let fd: number;
  try {
    fd = openSync(pathOf(path), constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY | constants.O_NOFOLLOW);
  } catch (error) {
    const code = codeOf(error);
    return code === "ENOENT" || code === "ENOTDIR" ? { kind: "missing" } : { kind: "unreadable", why: explain(code) };
  }
  try {
    const stat = fstatSync(fd, { bigint: true });
    if (!stat.isFile()) return { kind: "unreadable", why: "not a regular file" };
    const size = Number(stat.size);
    if (size > longest || size > allowed.bytes) return { kind: "unreadable", why: "too large" };
    allowed.bytes -= size;
    const bytes = shared !== null && size <= shared.length ? shared : Buffer.allocUnsafe(size);
    let filled = 0;
    while (filled < size) {
      const count = readSync(fd, bytes, filled, size - filled, filled);
      if (count === 0) break;
      filled += count;
    }
    return { kind: "bytes", bytes: bytes.subarray(0, filled), stat };
  } catch (error) {
    return { kind: "unreadable", why: explain(codeOf(error)) };
  } finally {
    closeSync(fd);
  }
}

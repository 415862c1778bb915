import { closeSync, constants, fstatSync, openSync, readlinkSync, readSync } from "node:fs";
import { setFlagsFromString } from "node:v8";

// Synchronous on purpose: /proc answers from memory, and a read costs less than a turn of the event loop.

/** One buffer for every read: a scan reads tens of megabytes and keeps next to nothing. */
const buffer = Buffer.allocUnsafeSlow(256 * 1024);

// The texts are short-lived: V8 would let the space for young objects grow to tens of megabytes for them, and clearing a
// small one costs no more. See v8.setFlagsFromString(): this one is looked at whenever that space might grow.
setFlagsFromString("--semi-space-growth-factor=1");

/** Largest text accepted: the maps of a process at the kernel's limit of 65530 mappings have about 10 MB. */
const LONGEST = 64 * 1024 * 1024;

/** Text of a file of /proc, one byte per character. Throws what the system call threw. */
export function readProc(path: string): string {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    return readText(fd, LONGEST);
  } finally {
    closeSync(fd);
  }
}

/** Text of a small regular file, or null when it is none, is longer than `longest`, or cannot be read. */
export function readSmallFile(path: string, longest = 1024 * 1024): string | null {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch (error) {
    codeOf(error); // no such file, or not ours to read: the caller goes without
    return null;
  }
  try {
    const stat = fstatSync(fd);
    return stat.isFile() && stat.size <= longest ? readText(fd, longest) : null;
  } finally {
    closeSync(fd);
  }
}

/** The same of a file that the kernel hands over in one piece, such as /proc/PID/stat: without asking for its end. */
export function readRecord(path: string): string {
  return readBytes(path).toString("latin1");
}

/** The same as bytes, which the next read of anything overwrites. */
export function readBytes(path: string): Buffer {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    return buffer.subarray(0, readSync(fd, buffer, 0, buffer.length, null));
  } finally {
    closeSync(fd);
  }
}

/** What an open file holds, one byte per character. Throws what the system call threw, and EFBIG above `longest` bytes. */
export function readText(fd: number, longest: number): string {
  let text = "";
  let filled = 0;
  for (;;) {
    const count = readSync(fd, buffer, filled, buffer.length - filled, null);
    filled += count;
    if (count > 0 && filled < buffer.length) continue;
    text += buffer.toString("latin1", 0, filled);
    filled = 0;
    if (count === 0) return text;
    if (text.length > longest) throw Object.assign(new Error("too long"), { code: "EFBIG" });
  }
}

// As a path to a system call the same as its bytes, and cheaper.
const ASCII = /^[ -~]*$/;

/** Target of a link; both paths hold one byte per character. */
export function readLink(path: string): string {
  return readlinkSync(ASCII.test(path) ? path : pathOf(path), "latin1");
}

/** The same, or null when it cannot be read. */
export function tryLink(path: string): string | null {
  try {
    return readLink(path);
  } catch (error) {
    codeOf(error);
    return null;
  }
}

/** A byte string as a path for a system call. */
export function pathOf(bytes: string): Buffer {
  return Buffer.from(bytes, "latin1");
}

/** `ENOENT` and its like. Rethrows what is no failed system call. */
export function codeOf(error: unknown): string {
  if (error instanceof Error && "code" in error && typeof error.code === "string" && /^E[A-Z0-9]+$/.test(error.code)) {
    return error.code;
  }
  throw error;
}

/** The process ended, or the mapping or file went away. */
export function isGone(code: string): boolean {
  return code === "ENOENT" || code === "ESRCH";
}

const MEANINGS: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EPERM: "not permitted",
  ELOOP: "a symbolic link where none may be",
  EIO: "the disk did not answer",
  ESTALE: "the file server lost it",
  ENXIO: "no such device",
  EFBIG: "too large",
};

/** `EACCES (permission denied)` */
export function explain(code: string): string {
  const meaning = MEANINGS[code];
  return meaning ? `${code} (${meaning})` : code;
}

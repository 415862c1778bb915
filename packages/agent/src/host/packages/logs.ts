import { gunzipSync } from "node:zlib";
import { type Allowance, readBytes } from "./bytes.ts";

const LONGEST_LOG = 32 * 1024 * 1024;
/** How many parts of one log are read. */
export const MOST_LOGS = 24;

/** `2026-11-22 18:39:35` as dpkg, apt and zypper write it: the local time of the host, without its zone. */
export function localInstant(text: string): number {
  return new Date(text.replace(" ", "T")).getTime();
}

/** `2020-06-10T10:34:57+0200` */
export function zonedInstant(text: string): number {
  return new Date(text.replace(/([+-]\d\d)(\d\d)$/, "$1:$2")).getTime();
}

/** A log, one byte per character, and when it was last written to. */
export interface LogText {
  readonly text: string;
  /** Epoch milliseconds. */
  readonly lastAt: number;
}

/** Part `age` of a log, 0 for the newest; null where it is missing or cannot be read. */
export function readLog(path: string, age: number, allowed: Allowance): LogText | null {
  if (age === 0) {
    const read = readBytes(path, LONGEST_LOG, allowed);
    if (read.kind === "bytes") return { text: read.bytes.toString("latin1"), lastAt: Number(read.stat.mtimeMs) };
    // Rotated a moment ago, and nothing installed since.
    return read.kind === "missing" ? { text: "", lastAt: 0 } : null;
  }
  const plain = readBytes(`${path}.${age}`, LONGEST_LOG, allowed);
  if (plain.kind === "bytes") return { text: plain.bytes.toString("latin1"), lastAt: Number(plain.stat.mtimeMs) };
  const packed = readBytes(`${path}.${age}.gz`, LONGEST_LOG, allowed);
  const text = packed.kind === "bytes" ? unpacked(packed.bytes) : null;
  return text === null || packed.kind !== "bytes" ? null : { text, lastAt: Number(packed.stat.mtimeMs) };
}

function unpacked(bytes: Buffer): string | null {
  try {
    return gunzipSync(bytes, { maxOutputLength: LONGEST_LOG }).toString("latin1");
  } catch (error) {
    if (!(error instanceof Error) || !("code" in error)) throw error;
    return null; // damaged or too long: the history begins after it
  }
}

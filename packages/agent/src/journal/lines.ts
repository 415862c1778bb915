import { crc32 } from "node:zlib";
import type { JournalRecord } from "../ports.ts";
import { JournalError } from "./error.ts";

const TYPES: ReadonlySet<unknown> = new Set<JournalRecord["type"]>([
  "epoch",
  "begun",
  "intent",
  "outcome",
  "ended",
  "announced",
  "booted",
  "acknowledged",
]);
const CRC_LENGTH = 8;

/** `CRC32HEX JSON\n`; the checksum is over the bytes of the JSON text. */
export function encodeLine(record: JournalRecord): Buffer {
  const json = Buffer.from(JSON.stringify(record));
  return Buffer.concat([Buffer.from(`${checksum(json)} `), json, Buffer.from("\n")]);
}

/**
 * The records of a journal's bytes, and how many bytes they take. A torn end is left out: records are synced one by
 * one, so only the last line can be incomplete, and nobody was told that it was written. Anything wrong before it is
 * corruption. `file` is for the message.
 */
export function decodeLines(bytes: Buffer, file: string): { records: JournalRecord[]; intactBytes: number } {
  const records: JournalRecord[] = [];
  let start = 0;
  while (start < bytes.length) {
    const newline = bytes.indexOf(10, start);
    const end = newline < 0 ? bytes.length : newline;
    const line = bytes.subarray(start, end);
    const record = newline < 0 ? null : decodeLine(line, `${file} in line ${records.length + 1}`);
    if (!record) {
      if (newline < 0 || isTorn(line, newline, bytes)) return { records, intactBytes: start };
      throw new JournalError("corrupt", `${file} is corrupt in line ${records.length + 1}`);
    }
    records.push(record);
    start = newline + 1;
  }
  return { records, intactBytes: start };
}

/** A power cut can leave the last line's length but not its bytes: they read as zeros. JSON text holds none. */
function isTorn(line: Buffer, newline: number, bytes: Buffer): boolean {
  return line.includes(0) && newline === bytes.length - 1;
}

/** Null when damaged. `place` is for the message about a record that this version does not know. */
function decodeLine(line: Buffer, place: string): JournalRecord | null {
  const json = line.subarray(CRC_LENGTH + 1);
  if (line.toString("latin1", 0, CRC_LENGTH + 1) !== `${checksum(json)} `) return null;
  const value = parsed(json);
  if (typeof value !== "object" || value === null || !("type" in value)) return null;
  // Skipping it could repeat what it says was done.
  if (!TYPES.has(value.type)) throw new JournalError("newer", `${place} was written by a newer version`);
  return value as JournalRecord; // the checksum says that encodeLine wrote it, from a record of this type
}

/** Null where it is no JSON: damage can leave a line whose checksum fits, the one of no bytes is eight zeros. */
function parsed(json: Buffer): unknown {
  try {
    return JSON.parse(json.toString());
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

function checksum(json: Buffer): string {
  return crc32(json).toString(16).padStart(CRC_LENGTH, "0");
}

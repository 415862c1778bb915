import { crc32 } from "node:zlib";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { JournalRecord } from "../ports.ts";
import { JournalError } from "./error.ts";
import { decodeLines, encodeLine } from "./lines.ts";

const RECORDS: readonly JournalRecord[] = [
  { type: "epoch", epoch: 3 },
  { type: "acknowledged", op: "op-1" },
];
const WHOLE = Buffer.concat(RECORDS.map(encodeLine));

function line(json: string): Buffer {
  return Buffer.from(`${crc32(json).toString(16).padStart(8, "0")} ${json}\n`);
}

test("what was written is read, however long, and a cut end only loses the last record", () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...RECORDS), { maxLength: 8 }), fc.nat(), (records, cut) => {
      const bytes = Buffer.concat(records.map(encodeLine));
      expect(decodeLines(bytes, "j")).toEqual({ records, intactBytes: bytes.length });
      const at = cut % (bytes.length + 1);
      const { records: read, intactBytes } = decodeLines(bytes.subarray(0, at), "j");
      expect(read).toEqual(records.slice(0, read.length));
      expect(Buffer.concat(read.map(encodeLine)).length).toBe(intactBytes);
      expect(at - intactBytes).toBeLessThan(200);
    }),
  );
});

test("one changed bit is never read as another record", () => {
  fc.assert(
    fc.property(fc.nat(WHOLE.length - 1), fc.nat(7), (at, bit) => {
      const bytes = Buffer.from(WHOLE);
      bytes.writeUInt8(bytes.readUInt8(at) ^ (1 << bit), at);
      const read = orCorrupt(bytes);
      if (read) expect(read.records).toEqual(RECORDS.slice(0, read.records.length));
      if (read) expect(read.records.length).toBeLessThan(RECORDS.length);
    }),
    { numRuns: 2000 },
  );
});

test("any bytes are records, or corrupt", () => {
  const checked = fc.oneof(fc.string(), fc.json(), fc.constantFrom("", "null", "{", '{"type":"x"}')).map(line);
  const piece = fc.oneof(checked, fc.uint8Array({ maxLength: 60 }), fc.constant(WHOLE));
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 6 }), (pieces) => {
      const bytes = Buffer.concat(pieces);
      const read = orCorrupt(bytes);
      if (read) expect(read.intactBytes).toBeLessThanOrEqual(bytes.length);
    }),
    { numRuns: 1000 },
  );
});

test.each([
  ["of another kind", '{"type":"x"}', "newer", "j in line 1 was written by a newer version"],
  ["that is no record", '{"kind":"epoch"}', "corrupt", "j is corrupt in line 1"],
])("a line with a right checksum %s is refused", (_name, json, code, message) => {
  expect(() => decodeLines(line(json), "j")).toThrow(expect.objectContaining({ code, message }));
});

test("1 MB of anything takes no long time", () => {
  for (const piece of ["\n", "\0", "\0\n", "0", "00000000 \n", WHOLE.toString(), line("[".repeat(1000)).toString()]) {
    const before = process.cpuUsage();
    orCorrupt(Buffer.from(piece.repeat(1_000_000 / piece.length)));
    expect(process.cpuUsage(before).user / 1000).toBeLessThan(2000);
  }
});

/** Anything but a JournalError is thrown on. */
function orCorrupt(bytes: Buffer): ReturnType<typeof decodeLines> | null {
  try {
    return decodeLines(bytes, "j");
  } catch (error) {
    if (error instanceof JournalError && error.code !== "failed") return null;
    throw error;
  }
}

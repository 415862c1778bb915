import fc from "fast-check";
import { expect, test } from "vitest";
import { agreement } from "./loaded.ts";

// A library of four parts: code at 0x1000, then its relocations, its dynamic section and two relocated words.
const BASE = 0x7f0000000000;
const SIZE = 0x4000;

interface Build {
  readonly addends: readonly number[];
  readonly strings: number;
}

function library({ addends, strings }: Build): Uint8Array {
  const bytes = new Uint8Array(SIZE);
  const view = new DataView(bytes.buffer);
  const wide = (at: number, value: number) => view.setBigUint64(at, BigInt(value), true);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1]);
  view.setUint16(18, 62, true);
  wide(32, 64);
  view.setUint16(54, 56, true);
  view.setUint16(56, 4, true);
  const segments = [
    [1, 0x1000, 0x1000, 0x1000],
    [1, 0x2000, 0x2000, 0x2000],
    [2, 0x3000, 0x3000, 0x40],
    [0x6474e552, 0x3000, 0x3000, 0x1000],
  ];
  for (const [index, [type = 0, offset = 0, address = 0, size = 0]] of segments.entries()) {
    const at = 64 + index * 56;
    view.setUint32(at, type, true);
    wide(at + 8, offset);
    wide(at + 16, address);
    wide(at + 32, size);
  }
  for (const [index, addend] of addends.entries()) {
    wide(0x2000 + index * 24, 0x3100 + index * 8);
    wide(0x2008 + index * 24, 8);
    wide(0x2010 + index * 24, addend);
  }
  for (const [index, [tag = 0, value = 0]] of [
    [7, 0x2000],
    [8, addends.length * 24],
    [10, strings],
  ].entries()) {
    wide(0x3000 + index * 16, tag);
    wide(0x3008 + index * 16, value);
  }
  return bytes;
}

/** What the loader makes of it in memory. */
function loaded(build: Build): Uint8Array {
  const bytes = library(build);
  const view = new DataView(bytes.buffer);
  for (const [index, addend] of build.addends.entries())
    view.setBigUint64(0x3100 + index * 8, BigInt(BASE + addend), true);
  view.setBigUint64(0x3008, BigInt(BASE + 0x2000), true); // glibc makes some addresses of the section absolute
  return bytes;
}

function reader(bytes: Uint8Array, base = 0) {
  return (at: number, length: number) =>
    at < base ? new Uint8Array() : bytes.subarray(at - base, Math.max(at - base, at - base + length));
}

function said(file: Uint8Array, memory: Uint8Array | null, offset = 0x1000): string {
  const read = memory ? reader(memory, BASE) : () => new Uint8Array();
  return agreement(reader(file), file.length, read, { address: BASE + offset, offset }).kind;
}

const ONE: Build = { addends: [0x1010, 0x1020], strings: 100 };

test.each([
  ["what was loaded is what the file holds", library(ONE), loaded(ONE), "same"],
  ["other code at another place", library({ ...ONE, addends: [0x1018, 0x1030] }), loaded(ONE), "changed"],
  ["other names, the code at the same place", library({ ...ONE, strings: 104 }), loaded(ONE), "changed"],
  ["cut and written again: nothing is relocated any more", library(ONE), library(ONE), "changed"],
  ["shorter than what is mapped", library(ONE).subarray(0, 0x800), loaded(ONE), "changed"],
  ["nothing to be read in memory", library(ONE), null, "untold"],
  ["no ELF file any more", new Uint8Array(SIZE), loaded(ONE), "untold"],
])("%s", (_name, file, memory, expected) => expect(said(file, memory)).toBe(expected));

test("whatever the file and the memory hold, it ends with an answer", () => {
  const place = fc.record({ at: fc.nat(SIZE - 1), value: fc.nat(255) });
  fc.assert(
    fc.property(fc.array(place), fc.array(place), fc.nat(SIZE), (inFile, inMemory, length) => {
      const [file, memory] = [library(ONE), loaded(ONE)];
      for (const { at, value } of inFile) file[at] = value;
      for (const { at, value } of inMemory) memory[at] = value;
      expect(["same", "changed", "untold"]).toContain(said(file.subarray(0, length), memory));
    }),
  );
});

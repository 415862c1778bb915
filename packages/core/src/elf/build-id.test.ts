import fc from "fast-check";
import { expect, test } from "vitest";
import { buildIdOf } from "./build-id.ts";
import type { ReadAt } from "./layout.ts";

interface Shape {
  readonly is64: boolean;
  readonly little: boolean;
}

const ID = [0xde, 0xad, 0xbe, 0xef, 1, 2, 3, 4];

/** A minimal ELF file: header, one PT_LOAD, one PT_NOTE with another note before the build-id. */
function elf({ is64, little }: Shape): Uint8Array {
  const bytes = new Uint8Array(512);
  const view = new DataView(bytes.buffer);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, is64 ? 2 : 1, little ? 1 : 2, 1]);
  const entry = is64 ? 56 : 32;
  const start = is64 ? 64 : 52;
  if (is64) {
    view.setBigUint64(32, BigInt(start), little);
    view.setUint16(54, entry, little);
    view.setUint16(56, 2, little);
  } else {
    view.setUint32(28, start, little);
    view.setUint16(42, entry, little);
    view.setUint16(44, 2, little);
  }
  view.setUint32(start, 1, little);
  const note = start + entry;
  view.setUint32(note, 4, little);
  if (is64) {
    view.setBigUint64(note + 8, 256n, little);
    view.setBigUint64(note + 32, 56n, little);
    view.setBigUint64(note + 48, 4n, little);
  } else {
    view.setUint32(note + 4, 256, little);
    view.setUint32(note + 16, 56, little);
    view.setUint32(note + 28, 4, little);
  }
  const put = (at: number, type: number, descriptor: readonly number[]) => {
    view.setUint32(at, 4, little);
    view.setUint32(at + 4, descriptor.length, little);
    view.setUint32(at + 8, type, little);
    bytes.set([0x47, 0x4e, 0x55, 0], at + 12);
    bytes.set(descriptor, at + 16);
  };
  put(256, 1, [0, 0, 0, 0, 3, 0, 0, 0]); // NT_GNU_ABI_TAG
  put(280, 3, ID);
  return bytes;
}

function reader(bytes: Uint8Array): ReadAt {
  return (offset, length) => bytes.subarray(offset, offset + length);
}

test.each([
  [64, "little", { is64: true, little: true }],
  [64, "big", { is64: true, little: false }],
  [32, "little", { is64: false, little: true }],
  [32, "big", { is64: false, little: false }],
])("%d bit, %s-endian", (_bits, _order, shape) => expect(buildIdOf(reader(elf(shape)))).toBe("deadbeef01020304"));

test.each([
  ["no file", new Uint8Array(0)],
  ["a script", new TextEncoder().encode("#!/bin/sh\necho a long enough script to have sixty-four bytes in it\n")],
  ["only a header", elf({ is64: true, little: true }).subarray(0, 64)],
  ["notes beyond the end", elf({ is64: true, little: true }).subarray(0, 270)],
])("no build-id: %s", (_name, bytes) => expect(buildIdOf(reader(bytes))).toBeNull());

test("a hostile file neither throws nor makes it read much", () => {
  const shape = fc.record({ is64: fc.boolean(), little: fc.boolean() });
  const damage = fc.array(fc.tuple(fc.nat(511), fc.nat(255)), { maxLength: 24 });
  fc.assert(
    fc.property(shape, damage, (kind, changes) => {
      const bytes = elf(kind);
      for (const [at, value] of changes) if (at > 5) bytes[at] = value;
      let reads = 0;
      const id = buildIdOf((offset, length) => {
        reads += 1;
        expect(length).toBeLessThanOrEqual(65536);
        return bytes.subarray(offset, offset + length);
      });
      expect(reads).toBeLessThan(20);
      expect(id === null || /^(?:[0-9a-f]{2}){4,64}$/.test(id)).toBe(true);
    }),
    { numRuns: 2000 },
  );
});

import fc from "fast-check";
import { expect, test } from "vitest";
import { loadedNames } from "./link-map.ts";

// A process with everything at small addresses: headers at 0x40, the loader's list from 0x1000 on, texts from 0x2000 on.
function memory(): Uint8Array {
  const bytes = new Uint8Array(0x4000);
  const view = new DataView(bytes.buffer);
  const wide = (at: number, value: number) => view.setBigUint64(at, BigInt(value), true);
  const header = (at: number, type: number, address: number) => {
    view.setUint32(at, type, true);
    wide(at + 16, address);
  };
  header(0x40, 6, 0x40);
  header(0x78, 2, 0x800);
  wide(0x800, 21);
  wide(0x808, 0xf00);
  wide(0xf08, 0x1000);
  const entry = (at: number, [name, dynamic, next]: readonly [number, number, number]) => {
    wide(at + 8, name);
    wide(at + 16, dynamic);
    wide(at + 24, next);
  };
  entry(0x1000, [0x2000, 0x10, 0x1040]);
  entry(0x1040, [0x2001, 0x7000, 0x1080]);
  entry(0x1080, [0x2100, 0x8000, 0x1000]); // a circle
  bytes.set(new TextEncoder().encode("/opt/app/current/libapp.so"), 0x2001);
  bytes.set(new TextEncoder().encode("linux-vdso.so.1"), 0x2100);
  bytes.set(new TextEncoder().encode("/opt/app/current/server"), 0x2200);
  return bytes;
}

function auxv(entries: readonly (readonly [number, number])[]): Uint8Array {
  return new Uint8Array(new BigUint64Array(entries.flat().map(BigInt)).buffer);
}

const AUXV = auxv([
  [3, 0x40],
  [5, 2],
  [31, 0x2200],
  [0, 0],
]);

function reader(bytes: Uint8Array) {
  return (at: number, length: number) => (at < 0 ? new Uint8Array() : bytes.subarray(at, at + Math.max(0, length)));
}

test("the name that was executed, and those that were loaded, once each", () => {
  expect(loadedNames(AUXV, reader(memory()), { libraries: true })).toEqual({
    program: "/opt/app/current/server",
    libraries: [{ name: "/opt/app/current/libapp.so", dynamic: 0x7000 }],
  });
});

test.each([
  ["no auxiliary vector", new Uint8Array(), null],
  ["a name that cannot be read", auxv([[31, 0x999999]]), null],
])("%s", (_name, vector, program) =>
  expect(loadedNames(vector, reader(memory()), { libraries: true })).toEqual({ program, libraries: [] }),
);

test("a name that never ends is none", () => {
  const bytes = memory().fill(0x61, 0x2200);
  expect(loadedNames(AUXV, reader(bytes), { libraries: false }).program).toBeNull();
});

test("whatever the memory holds, it ends after a bounded number of reads", () => {
  const place = fc.record({ at: fc.nat(0x3fff), value: fc.nat(255) });
  fc.assert(
    fc.property(fc.array(place), fc.uint8Array({ maxLength: 256 }), (places, vector) => {
      const bytes = memory();
      for (const { at, value } of places) bytes[at] = value;
      let reads = 0;
      const read = (at: number, length: number) => {
        reads += 1;
        return reader(bytes)(at, length);
      };
      loadedNames(AUXV, read, { libraries: true });
      loadedNames(vector, read, { libraries: true });
      expect(reads).toBeLessThan(20_000);
    }),
  );
});

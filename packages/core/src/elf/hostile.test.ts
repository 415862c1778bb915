import fc from "fast-check";
import { expect, test } from "vitest";
import { expectQuick } from "../../../../test/fakes/hostile.ts";
import { buildIdOf, MAX_READ } from "./build-id.ts";
import { layoutOf, type ReadAt } from "./layout.ts";
import { loadedNames } from "./link-map.ts";
import { agreement } from "./loaded.ts";

// Files that processes mapped, and the memory of those processes, may be an attacker's: every reader ends, none throws,
// and none asks for more than a fixed number of bytes.

const LONG = 60_000;
const MOST_READS = 5000;

interface Counted {
  readonly read: ReadAt;
  readonly reads: () => number;
  readonly longest: () => number;
}

function counted(bytes: Uint8Array): Counted {
  let [reads, longest] = [0, 0];
  const read = (offset: number, length: number) => {
    reads += 1;
    longest = Math.max(longest, length);
    return offset < 0 || length < 0 ? new Uint8Array(0) : bytes.slice(offset, offset + length);
  };
  return { read, reads: () => reads, longest: () => longest };
}

/** The head of an ELF file that claims program headers right after it. */
function headed(rest: Uint8Array, { is64 = true, count = 8 } = {}): Uint8Array {
  const bytes = new Uint8Array(64 + rest.length);
  const view = new DataView(bytes.buffer);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, is64 ? 2 : 1, 1]);
  view.setUint16(18, 62, true);
  if (is64) view.setBigUint64(32, 64n, true);
  else view.setUint32(28, 64, true);
  view.setUint16(is64 ? 54 : 42, is64 ? 56 : 32, true);
  view.setUint16(is64 ? 56 : 44, count, true);
  bytes.set(rest, 64);
  return bytes;
}

function all(bytes: Uint8Array): void {
  const file = counted(bytes);
  const memory = counted(bytes);
  expect(buildIdOf(file.read) ?? "ab").toMatch(/^[0-9a-f]+$/);
  layoutOf(file.read);
  agreement(file.read, bytes.length, memory.read, { address: 0, offset: 0 });
  agreement(file.read, bytes.length, memory.read, { address: 4096, offset: 64 });
  const { program, libraries } = loadedNames(bytes.subarray(0, 1024), memory.read, { libraries: true });
  expect(libraries.every(({ name }) => name.startsWith("/"))).toBe(true);
  expect((program ?? "").length).toBeLessThanOrEqual(4096);
  expect(file.reads() + memory.reads()).toBeLessThan(MOST_READS);
  expect(Math.max(file.longest(), memory.longest())).toBeLessThanOrEqual(MAX_READ);
}

/** A program header of 64-bit files; its numbers are small, or beyond everything. */
const number = fc.oneof(fc.integer({ min: 0, max: 4096 }), fc.constantFrom(2 ** 31, 2 ** 52, 2 ** 53));
const header = fc
  .tuple(fc.constantFrom(1, 2, 4, 6, 0x6474e552, 7), number, number, number, fc.constantFrom(0, 4, 8, 4096))
  .map(([type, offset, address, size, align]) => {
    const view = new DataView(new ArrayBuffer(56));
    view.setUint32(0, type, true);
    for (const [at, value] of [
      [8, offset],
      [16, address],
      [32, size],
      [48, align],
    ] as const)
      view.setBigUint64(at, BigInt(value), true);
    return [...new Uint8Array(view.buffer)];
  });
const body = fc
  .tuple(fc.array(header, { maxLength: 10 }), fc.uint8Array({ maxLength: 3000 }))
  .map(([headers, rest]) => Uint8Array.from([...headers.flat(), ...rest]));

test(
  "any bytes behind the head of an ELF file, and any numbers in its headers",
  () => {
    fc.assert(
      fc.property(body, fc.boolean(), fc.nat(2000), (rest, is64, count) => all(headed(rest, { is64, count }))),
      { numRuns: 2000 },
    );
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), all));
  },
  LONG,
);

test(
  "1 MB of them",
  () => {
    const bytesOf = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0) & 0xff);
    const words = (...values: readonly number[]) =>
      values.map((value) => String.fromCharCode(value & 0xff, (value >> 8) & 0xff, 0, 0, 0, 0, 0, 0)).join("");
    const segment = (type: number) => words(type, 64, 64, 0, 0xffff, 0xffff, 8).slice(0, 56);
    const pieces = [
      "\0",
      "\xff",
      "/",
      "/a\0",
      "\x7fELF\x02\x01",
      "GNU\0",
      words(4, 0, 3).slice(0, 12), // notes without end
      words(7, 64),
      words(8, 0xffff),
      ...[1, 2, 4, 6].map(segment),
      `${segment(4)}${segment(2)}${segment(1)}`,
      words(21, 64, 3, 64, 5, 64, 31, 64), // an auxiliary vector and a chain that lead to themselves
    ];
    expectQuick((text) => {
      const bytes = bytesOf(text);
      for (const count of [8, 1024, 0xffff]) all(headed(bytes, { count }));
      all(headed(bytes, { is64: false, count: 1024 }));
      all(bytes);
    }, pieces);
  },
  LONG,
);

test("a chain of libraries that never ends, each by a long name", () => {
  // r_debug of a program whose headers say that its dynamic section is at 1024; the memory goes on for ever.
  const memory = counted(new Uint8Array(0));
  let reads = 0;
  const endless = (address: number, length: number) => {
    reads += 1;
    const view = new DataView(new ArrayBuffer(length));
    const wide = (at: number, value: number) => {
      if (at >= address && at + 8 <= address + length) view.setBigUint64(at - address, BigInt(value), true);
    };
    if (address === 512) {
      for (const [index, [type = 0, at = 0]] of [
        [6, 512],
        [2, 1024],
      ].entries()) {
        view.setUint32(index * 56, type, true);
        view.setBigUint64(index * 56 + 16, BigInt(at), true);
      }
    } else if (address === 1024) {
      wide(1024, 21);
      wide(1032, 2048);
    } else if (address === 2056) wide(2056, 100_000);
    else if (length === 40) {
      wide(address + 8, 4096);
      wide(address + 16, address);
      wide(address + 24, address + 64);
    } else new Uint8Array(view.buffer).fill(0x2f);
    return new Uint8Array(view.buffer);
  };
  const auxv = new DataView(new ArrayBuffer(48));
  for (const [index, value] of [3, 512, 5, 2].entries()) auxv.setBigUint64(index * 8, BigInt(value), true);
  const { libraries } = loadedNames(new Uint8Array(auxv.buffer), endless, { libraries: true });
  expect(libraries).toEqual([]); // a name without an end is none
  expect(reads).toBeGreaterThan(2000);
  expect(reads + memory.reads()).toBeLessThan(3 * 2048 + 10);
});

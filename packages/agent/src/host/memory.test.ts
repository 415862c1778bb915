import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { withMemory } from "./memory.ts";

// This process's own memory: code that nobody writes to.
const PAGE = 4096;
const ranges = [...readFileSync("/proc/self/maps", "latin1").matchAll(/^([0-9a-f]+)-([0-9a-f]+) r-xp .* \//gm)].map(
  ([, start = "", end = ""]) => ({ start: Number.parseInt(start, 16), end: Number.parseInt(end, 16) }),
);
const code = ranges.find(({ start, end }) => end - start > 4 * PAGE) ?? { start: 0, end: 0 };

test.each([
  ["inside of a page", 100, 40],
  ["to the end of a page", PAGE - 40, 40],
  ["over the end of a page", PAGE - 10, 40],
  ["a whole page that lies in two", 10, PAGE],
  ["more than a page", 10, 2 * PAGE],
])("a piece %s is what lies there", (_name, from, length) => {
  withMemory("/proc/self", (memory) => {
    const all = memory(code.start, 4 * PAGE);
    expect(all.length).toBe(4 * PAGE);
    const piece = memory(code.start + from, length);
    expect(Buffer.from(piece).equals(all.subarray(from, from + length))).toBe(true);
  });
});

test.each([
  ["what was never mapped", 16, 8],
  ["no length", code.start, 0],
  ["a negative address", -8, 8],
  ["no whole number", 0.5, 8],
])("nothing is read of %s", (_name, address, length) => {
  expect(withMemory("/proc/self", (memory) => memory(address, length).length)).toBe(0);
});

test("memory that ends is read up to its end", () => {
  const maps = readFileSync("/proc/self/maps", "latin1");
  const stack = /^([0-9a-f]+)-([0-9a-f]+) .*\[stack\]$/m.exec(maps);
  const end = Number.parseInt(stack?.[2] ?? "0", 16);
  expect(withMemory("/proc/self", (memory) => memory(end - 20, 100).length)).toBe(20);
});

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compareDpkgVersions } from "./dpkg-version.ts";
import { compareRpmVersions } from "./rpm-version.ts";

const ORDERS = { dpkg: compareDpkgVersions, rpm: compareRpmVersions } as const;

test.each([
  ["dpkg", "1.0", "<", "1.1"],
  ["dpkg", "1.9", "<", "1.10"],
  ["dpkg", "1.0~rc1", "<", "1.0"],
  ["dpkg", "1.0~~", "<", "1.0~"],
  ["dpkg", "1.0", "<", "1.0a"],
  ["dpkg", "1.0a", "<", "1.0+b"],
  ["dpkg", "1.0-1", "<", "1.0-1+b1"],
  ["dpkg", "1.0-1", "=", "01.00-001"],
  ["dpkg", "1.0", "=", "1.0-0"],
  ["dpkg", "9.9", "<", "1:0.1"],
  ["dpkg", "0:1.0", "=", "1.0"],
  ["dpkg", "3.0.17-1~deb12u2", "<", "3.0.17-1~deb12u3"],
  ["dpkg", "3.0.17-1~deb12u3", "<", "3.0.17-1"],
  ["dpkg", "1-2-3", "<", "1-2-4"],
  ["dpkg", "99999999999999999999", "<", "100000000000000000000"],
  // What one order says, the other denies.
  ["dpkg", "4.18.0-80.1.2.el8_0", "<", "4.18.0-80.el8"],
  ["rpm", "4.18.0-80.1.2.el8_0", ">", "4.18.0-80.el8"],
  ["dpkg", "3.10.0-1160.el7", ">", "3.10.0-1160.2.1.el7"],
  ["rpm", "3.10.0-1160.el7", "<", "3.10.0-1160.2.1.el7"],
  ["dpkg", "1.0.a", ">", "1.0.1"],
  ["rpm", "1.0.a", "<", "1.0.1"],
  ["rpm", "6.1^git1", ">", "6.1"],
  ["rpm", "6.1^git1", "<", "6.1.1"],
  ["rpm", "6.1^git1", "<", "6.1^git2"],
  ["rpm", "6.1^git1~pre", "<", "6.1^git1"],
  ["rpm", "1.0~rc1", "<", "1.0"],
  ["rpm", "1.0~rc1^git1", ">", "1.0~rc1"],
  ["rpm", "1.0", "=", "1_0"],
  ["rpm", "1.0", "=", "1.0."],
  ["rpm", "1.05", "=", "1.5"],
  ["rpm", "2.50", ">", "2.5"],
  ["rpm", "fc4", "=", "fc.4"],
  ["rpm", "a", "<", "1"],
  ["rpm", "1.0", "<", "1.0a"],
  ["rpm", "1:1.0-1", ">", "2.0-1"],
  ["rpm", "0:2.0-1", "=", "2.0-1"],
  ["rpm", "2.0", "=", "2.0-7"],
  ["rpm", "3.0.7-24.el9", "<", "3.0.7-24.el9_2.1"],
] as const)("%s: %s %s %s", (order, a, sign, b) => {
  const compare = ORDERS[order];
  const expected = { "<": -1, "=": 0, ">": 1 }[sign];
  expect(Math.sign(compare(a, b))).toBe(expected);
  expect(Math.sign(compare(b, a)) + expected).toBe(0);
});

const version = fc.string({
  unit: fc.constantFrom("0", "1", "2", "9", "10", "a", "b", "Z", ".", "-", "+", "~", "^", ":", "_", " ", "é"),
  maxLength: 8,
});

describe.each(["dpkg", "rpm"] as const)("the order of %s", (order) => {
  const compare = ORDERS[order];
  test("a version equals itself, and swapping both sides swaps the answer", () => {
    fc.assert(
      fc.property(version, version, (a, b) => {
        expect(compare(a, a)).toBe(0);
        expect(Math.sign(compare(a, b)) + Math.sign(compare(b, a))).toBe(0);
      }),
      { numRuns: 2000 },
    );
  });
  test("is transitive", () => {
    // A missing release equals every release, which rpm's own order has no answer to: all or none have one here.
    const sameShape = fc.tuple(version, version, version).map((three) => three.map((text) => text.replaceAll("-", "")));
    fc.assert(
      fc.property(sameShape, (three) => {
        const [a = "", b = "", c = ""] = three.sort(compare);
        expect(compare(a, b)).toBeLessThanOrEqual(0);
        expect(compare(b, c)).toBeLessThanOrEqual(0);
        expect(compare(a, c)).toBeLessThanOrEqual(0);
      }),
      { numRuns: 5000 },
    );
  });
});

import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { compareDpkgVersions } from "@afterpatch/core/packages/dpkg-version";
import { compareSegments } from "@afterpatch/core/packages/rpm-version";
import fc from "fast-check";
import { expect, test } from "vitest";

// The programs themselves are the judges of their own orders.

function pairs(unit: readonly string[], count: number): readonly (readonly [string, string])[] {
  const version = fc.string({ unit: fc.constantFrom(...unit), minLength: 1, maxLength: 7 }).map((text) => `1${text}`);
  // Versions that begin alike are the hard ones.
  const alike = fc.tuple(version, version, version).map(([start, a, b]) => [start + a, start + b] as const);
  return fc.sample(fc.oneof(fc.tuple(version, version), alike), count);
}

const dpkg = "/usr/bin/dpkg";
test.skipIf(!existsSync(dpkg))("the order of Debian versions is the one of dpkg --compare-versions", () => {
  const versions = pairs(["0", "1", "9", "10", "a", "Z", ".", "+", "~", "-1"], 300);
  const script = `while [ $# -gt 0 ]; do
    if dpkg --compare-versions "$1" lt "$2"; then echo -1
    elif dpkg --compare-versions "$1" gt "$2"; then echo 1
    else echo 0; fi; shift 2; done`;
  const said = execFileSync("sh", ["-c", script, "sh", ...versions.flat()], { encoding: "utf8" })
    .trim()
    .split("\n");
  expect(versions.map(([a, b]) => [a, b, Math.sign(compareDpkgVersions(a, b))])).toEqual(
    versions.map(([a, b], index) => [a, b, Number(said[index])]),
  );
});

const rpm = "/usr/bin/rpm";
test.skipIf(!existsSync(rpm))("the order of rpm versions is rpm's own", () => {
  const versions = pairs(["0", "1", "9", "10", "a", "Z", ".", "+", "~", "^", "_"], 1000);
  const calls = versions.map(([a, b]) => `print(rpm.vercmp("${a}","${b}") .. " ")`).join(" ");
  const said = execFileSync(rpm, ["--eval", `%{lua:${calls}}`], { encoding: "utf8" })
    .trim()
    .split(/\s+/);
  expect(versions.map(([a, b]) => [a, b, Math.sign(compareSegments(a, b))])).toEqual(
    versions.map(([a, b], index) => [a, b, Number(said[index])]),
  );
});

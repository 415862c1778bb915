import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { ROOT } from "../bundling.ts";
import { packagesOf } from "./bundle.ts";
import { inert } from "./contents.ts";
import { changelog, wrapped } from "./deb.ts";

test.each(["agent.yaml", "controller.yaml"])("nothing in %s holds as it is installed", async (name) => {
  const example = await readFile(join(ROOT, "deploy", name), "utf8");
  expect(parse(example)).not.toBeNull();
  expect(parse(inert(example))).toBeNull();
});

test("lines of examples keep their text behind a #, comments and empty lines stay", () => {
  expect(inert("# a\n\ncaps:\n  reboots: 2 # b\n")).toBe("# a\n\n#caps:\n#  reboots: 2 # b\n");
});

test("packages of bundled files, each once, nested and scoped ones too", () => {
  const paths = [
    "packages/cli/src/main.ts",
    "node_modules/yargs/index.mjs",
    "node_modules/yargs/build/lib/a.js",
    "packages/cli/node_modules/@scope/name/x.js",
    "node_modules/a/node_modules/b/c/d.js",
  ];
  expect(packagesOf(paths)).toEqual([
    "node_modules/a/node_modules/b",
    "node_modules/yargs",
    "packages/cli/node_modules/@scope/name",
  ]);
});

test("descriptions are broken between words", () => {
  const lines = wrapped("word ".repeat(40).trim());
  expect(lines.every((line) => line.length <= 78)).toBe(true);
  expect(lines.join(" ")).toBe("word ".repeat(40).trim());
});

test("a changelog of Debian's form, deb-changelog(5)", () => {
  const text = changelog("afterpatch-agent", "1.2.3", new Date("2026-11-24T01:02:03.456Z"));
  expect(text.split("\n").filter((line) => line !== "")).toEqual([
    "afterpatch-agent (1.2.3) unstable; urgency=medium",
    "  * What is new is told in /usr/share/doc/afterpatch-agent/CHANGELOG.md.gz.",
    " -- afterpatch developers <root@localhost>  Tue, 24 Nov 2026 01:02:03 +0000",
  ]);
});

import fc from "fast-check";
import { expect, test } from "vitest";
import { isAskable, nameArguments, ownerArguments, parseOwners, parseRpmLine, SEPARATOR } from "./rpm-query.ts";

const BASH = "\tbash\t0\t5.1.8\t9.el9\tx86_64\t1700000000";
const SSL = "\topenssl-libs\t1\t3.0.7\t24.el9\tx86_64\t1700000001";
const END = `file ${SEPARATOR} is not owned by any package`;
const bash = { name: "bash", architecture: "x86_64", version: "5.1.8-9.el9", installedAt: 1_700_000_000_000 };
const ssl = { name: "openssl-libs", architecture: "x86_64", version: "1:3.0.7-24.el9", installedAt: 1_700_000_001_000 };

test.each([
  ["one owner each", [BASH, END, SSL, END], [[bash], [ssl]]],
  ["no owner", ["file /x is not owned by any package", END, SSL, END], [[], [ssl]]],
  ["gone: nothing on this stream", [END, SSL, END], [[], [ssl]]],
  ["two owners", [BASH, SSL, END, END], [[bash, ssl], []]],
  ["killed in the middle", [BASH, END, SSL], null],
  ["an answer too many", [BASH, END, SSL, END, END], null],
  ["nothing", [""], null],
  ["an error of the database", ["error: cannot open Packages database"], null],
  ["a line that looks like a separator", [`file /x\u0001 ${END}`, END, END], [[], []]],
])("%s", (_name, lines, expected) => {
  expect(parseOwners(`${lines.join("\n")}\n`, ["/a", "/b"])).toEqual(expected);
});

test.each([
  ["kernel with signs in its release", "\tk\t0\t6.1^git1~rc\t1.fc40\taarch64\t1", "6.1^git1~rc-1.fc40"],
  ["no time", "\tk\t0\t1\t1\tnoarch\t(none)", null],
  ["no epoch number", "\tk\t(none)\t1\t1\tnoarch\t1", null],
  ["a field too many", `${BASH}\tx`, null],
  ["text before it", `file ${BASH}`, null],
  ["a control character", BASH.replace("bash", "ba\u001bsh"), null],
  ["an empty name", BASH.replace("bash", ""), null],
])("a line of rpm: %s", (_name, line, version) => expect(parseRpmLine(line)?.version ?? null).toBe(version));

test.each([
  ["/usr/bin/x", true],
  ["/usr/bin/with space", true],
  ["/usr/bin/ü", true],
  ["-e", false],
  ["relative", false],
  ["/new\nline", false],
  ["/tab\t", false],
  ["/not utf-8 \ufffd", false],
  [SEPARATOR, false],
])("whether rpm is asked for %j", (path, expected) => expect(isAskable(path)).toBe(expected));

test("paths stand after -- and each is followed by the separator", () => {
  const args = ownerArguments(["/a", "/b"], { root: "/r", dbPath: "/d" });
  expect(args.slice(0, 5)).toEqual(["--root", "/r", "--dbpath", "/d", "-qf"]);
  expect(args.slice(args.indexOf("--") + 1)).toEqual(["/a", SEPARATOR, "/b", SEPARATOR]);
  expect(nameArguments(["bash"], { root: null, dbPath: null }).slice(-2)).toEqual(["--", "bash"]);
});

test("answers are put to the right path whatever is between the separators, or to none", () => {
  const line = fc.constantFrom(BASH, SSL, "file /x is not owned by any package", "", "\t", "error: \u001b");
  fc.assert(
    fc.property(fc.array(fc.array(line, { maxLength: 3 }), { maxLength: 6 }), (groups) => {
      const text = groups.map((lines) => [...lines, END].map((one) => `${one}\n`).join("")).join("");
      const answer = parseOwners(
        text,
        groups.map((_, index) => `/${index}`),
      );
      const expected = groups.map((lines) =>
        lines.flatMap((one) => (one === BASH ? [bash] : one === SSL ? [ssl] : [])),
      );
      expect(answer).toEqual(expected);
      expect(parseOwners(text, [...groups.map(() => "/x"), "/more"])).toBeNull();
    }),
  );
});

import { renameSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { type UsersDocument, usersOf } from "@afterpatch/agent/look/users";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openWorkshop, type Workshop, whatIsMissing } from "./old-code.ts";
import { run } from "./programs.ts";
import { documentErrors } from "./schemas.ts";

// Real processes that map real files.

const missing = whatIsMissing();
if (missing !== null && process.env.CI) test("what these tests need is here", () => expect(missing).toBeNull());

const OPTIONS = { hostId: null, name: "here", now: Date.now };

function named(...paths: readonly string[]) {
  return { paths, package: null };
}

function copies({ users }: UsersDocument) {
  return Object.fromEntries(users.map(({ process, file }) => [`${process.pid} ${file.copy}`, file.verdict]));
}

describe.skipIf(missing !== null)(`users of files${missing === null ? "" : ` (skipped: ${missing})`}`, () => {
  let shop: Workshop;
  let before: number;
  let after: number;
  const at = (path: string) => join(shop.folder, path);

  beforeAll(async () => {
    shop = openWorkshop();
    shop.program("daemon");
    shop.library("libused.so", 1);
    before = await shop.start(at("daemon"), [at("libused.so")]);
    shop.library("libused.so.new", 2);
    renameSync(at("libused.so.new"), at("libused.so"));
    after = await shop.start(at("daemon"), [at("libused.so")]);
    symlinkSync("libused.so", at("libalias.so"));
  });
  afterAll(() => shop.close());

  test.each([
    ["a path", "libused.so"],
    ["a glob", "libu*.so"],
    ["a link to the file", "libalias.so"],
  ])("old copies and the new one told apart, by %s", (_name, path) => {
    const found = usersOf(named(at(path)), OPTIONS);
    expect(copies(found)).toEqual({ [`${before} old`]: "replaced", [`${after} new`]: null });
    const [old, fresh] = found.users;
    expect(old?.process.pid).toBe(before);
    expect(old?.file.buildId.onDisk).toBe(fresh?.file.buildId.mapped);
    expect(old?.file.buildId.mapped).toMatch(/^[0-9a-f]{40}$/);
    expect(old?.file.buildId.mapped).not.toBe(fresh?.file.buildId.mapped);
    expect(old?.owner).toMatchObject({ kind: "application" });
  });

  test("a name without a slash, and a file that is loaded twice by one process", async () => {
    shop.library("libtwice.so", 1);
    renameSync(at("libtwice.so"), at("libtwice.so.kept"));
    shop.library("libtwice.so", 2);
    const pid = await shop.start(at("daemon"), [at("libtwice.so"), at("libtwice.so.kept")]);
    expect(copies(usersOf(named("libtwice.so"), OPTIONS))).toEqual({ [`${pid} new`]: null });
    expect(usersOf(named("libtwice.so*"), OPTIONS).users).toHaveLength(2);
  });

  test("both names of a merged /usr mean one file", () => {
    for (const top of ["/lib", "/usr/lib"]) {
      const pids = usersOf(named(`${top}/*/libc.so.6`), OPTIONS).users.map((user) => user.process.pid);
      expect(pids).toContain(before);
    }
  });

  test("the document and its schema; a file that nobody has mapped is named", async () => {
    shop.library("libidle.so", 1);
    const { code, stdout, stderr } = await run("agent", ["users", at("libused.so"), at("libidle.so"), "-o", "json"]);
    expect(stderr).toBe("");
    expect(code).toBe(0);
    expect(documentErrors("users", stdout)).toEqual([]);
    expect(JSON.parse(stdout)).toMatchObject({ unmapped: [at("libidle.so")] });
  });

  test.each([
    ["a name that is nearly right", "libuse.so", "libused.so"],
    ["a glob", "libnone*.so", ""],
    ["a file nobody has mapped, alone", "libidle.so", ""],
  ])("nothing is mapped: exit 6 with the nearest path, for %s", async (_name, path, near) => {
    const { code, stdout, stderr } = await run("agent", ["users", at(path)]);
    expect(code).toBe(6);
    expect(stdout).toBe("");
    expect(stderr).toMatch(/^afterpatch-agent: \S+: no process has a file of this name mapped.*; .*\n$/);
    expect(stderr).toContain(near === "" ? "" : `nearest mapped: ${at(near)}`);
  });

  test("--package: files of this package, and of no other", () => {
    const { users } = usersOf({ paths: [], package: "libc6" }, OPTIONS);
    expect(users.map((user) => user.process.pid)).toContain(before);
    expect(new Set(users.map(({ file }) => file.path.replace(/^.*\/(?=[^/]*$)/, "")))).toContain("libc.so.6");
    expect(users.filter(({ file }) => file.path.startsWith(shop.folder))).toEqual([]);
  });

  test.each([
    [
      "a package that is not installed",
      ["--package", "libc66"],
      6,
      /^afterpatch-agent: libc66: no package of this name is installed; nearest that is in use: libc6(?:, .*)?\n$/,
    ],
    ["what is no CVE id", ["--cve", "CVE-2024-1"], 5, /^afterpatch-agent: --cve: 'CVE-2024-1' is no CVE id; .*\n$/],
    [
      "a CVE that no package here fixed",
      ["--cve", "cve-1999-99999999"],
      6,
      /^afterpatch-agent: CVE-1999-99999999: no changelog of a package on this host names it[^;]*; .*\n$/,
    ],
    ["a CVE and a file", ["libc.so.6", "--cve", "CVE-2024-12345"], 5, /^afterpatch-agent: --cve: it says itself .*\n$/],
    ["nothing", [], 5, /^afterpatch-agent: users: no file is named; .*\n$/],
  ])("%s", async (_name, args, expected, line) => {
    const { code, stdout, stderr } = await run("agent", ["users", ...args]);
    expect({ code, stdout }).toEqual({ code: expected, stdout: "" });
    expect(stderr).toMatch(line);
  });
});

import { readdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { type WhyDocument, whyOf } from "@afterpatch/agent/look/why";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openWorkshop, type Workshop, whatIsMissing } from "./old-code.ts";
import { run } from "./programs.ts";
import { documentErrors } from "./schemas.ts";

const missing = whatIsMissing();
if (missing !== null && process.env.CI) test("what these tests need is here", () => expect(missing).toBeNull());

const OPTIONS = { hostId: null, name: "here", now: Date.now };

async function why(pid: number): Promise<WhyDocument> {
  const { code, stdout, stderr } = await run("agent", ["why", String(pid), "-o", "json"]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(documentErrors("why", stdout)).toEqual([]);
  return JSON.parse(stdout);
}

describe.skipIf(missing !== null)(`why a process is old${missing === null ? "" : ` (skipped: ${missing})`}`, () => {
  let shop: Workshop;
  let old: number;
  const at = (path: string) => join(shop.folder, path);

  beforeAll(async () => {
    shop = openWorkshop();
    shop.program("daemon");
    shop.library("libwhy.so", 1);
    old = await shop.start(at("daemon"), [at("libwhy.so")]);
    shop.library("libwhy.so.new", 2);
    renameSync(at("libwhy.so.new"), at("libwhy.so"));
  });
  afterAll(() => shop.close());

  test("a finding: the old file first, both build-ids, owner and rule, remedy and what it is instead of", async () => {
    const found = await why(old);
    expect(found).toMatchObject({ state: "read", verdict: "replaced", owner: { kind: "application" } });
    const [first, ...rest] = found.files;
    expect(first).toMatchObject({ path: at("libwhy.so"), copy: "old", verdict: "replaced" });
    expect(first?.buildId.mapped).not.toBe(first?.buildId.onDisk);
    expect(rest.map(({ copy }) => copy)).toEqual(rest.map(() => "new"));
    expect(rest.map(({ path }) => path)).toContain(at("daemon"));
    expect(found.owner?.rule).toContain(`process ${process.pid}`);
    expect(found.remedy?.reason).not.toBe("");
    expect(found.insteadOf.map(({ whyNot }) => whyNot)).not.toContain("");
    expect(found.because).toBe(`It runs old code: 1 of ${found.files.length} files are not the ones on the disk.`);
  });

  test("no finding, and why not", async () => {
    const pid = await shop.start(at("daemon"), [at("libwhy.so")]);
    const found = await why(pid);
    expect(found).toMatchObject({ state: "read", verdict: null, finding: null, remedy: null, insteadOf: [] });
    expect(found.because).toContain("No finding: each of the");
  });

  test("a thread of the kernel", async () => {
    const found = await why(2);
    expect(found).toMatchObject({ state: "kernel-thread", verdict: null, process: null, files: [] });
  });

  test("a thread of a process is not a process", () => {
    const thread = readdirSync("/proc/self/task").find((name) => name !== String(process.pid));
    expect(() => whyOf(Number(thread), OPTIONS)).toThrow(`it is a thread of process ${process.pid}`);
  });

  test("a process that may not be read is not known, and not fine", async () => {
    const script = `process.setgroups([]); process.setgid(65534); process.setuid(65534); import("@afterpatch/agent/look/why").then(({ whyOf }) => console.log(JSON.stringify(whyOf(${old}, { hostId: null, name: "x", now: Date.now }))))`;
    const { execFileSync } = await import("node:child_process");
    const options = { encoding: "utf8", cwd: join(import.meta.dirname, "../..") } as const;
    const stdout = execFileSync(process.execPath, ["-e", script], options);
    expect(documentErrors("why", stdout)).toEqual([]);
    expect(JSON.parse(stdout)).toMatchObject({ state: "unreadable", verdict: null, remedy: null, files: [] });
  });

  test.each([
    ["no such process", "4194303", 6],
    ["zero", "0", 5],
    ["no number", "nginx", 5],
    ["an option in its place", "-1", 5],
  ])("%s", async (_name, pid, expected) => {
    const { code, stdout, stderr } = await run("agent", ["why", pid]);
    expect(code).toBe(expected);
    expect(stdout).toBe("");
    expect(stderr).toMatch(/^afterpatch-agent: [^\n]+; [^\n]+\n$/);
  });
});

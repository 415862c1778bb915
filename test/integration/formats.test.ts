import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { scanHost } from "@afterpatch/agent/host/scan";
import { sessionsOf } from "@afterpatch/agent/look/sessions";
import { usersOf } from "@afterpatch/agent/look/users";
import { whyOf } from "@afterpatch/agent/look/why";
import { nagiosReport } from "@afterpatch/agent/render/nagios";
import { needrestartBatch } from "@afterpatch/agent/render/needrestart";
import { openMetrics } from "@afterpatch/agent/render/openmetrics";
import { planDocument, renderPlan } from "@afterpatch/agent/render/plan";
import { renderScan } from "@afterpatch/agent/render/scan";
import { renderSessions } from "@afterpatch/agent/render/sessions";
import { renderUsers } from "@afterpatch/agent/render/users";
import { renderWhy } from "@afterpatch/agent/render/why";
import { REBOOT_MODES } from "@afterpatch/core/plan/reboot";
import type { Scan } from "@afterpatch/core/scan";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { schemaErrors } from "../cases/schema.ts";
import { whatIsMissing } from "./old-code.ts";
import { run } from "./programs.ts";
import { documentErrors } from "./schemas.ts";

// A hostile process on this host, through every format: its program's name and its command line are its own choice.

const missing = whatIsMissing();
if (missing !== null && process.env.CI) test("what these tests need is here", () => expect(missing).toBeNull());

const HOSTILE = 'x\n\u001b[2J\u009b31m\r\u202e\u200b|"\\{}=# EOF\nNEEDRESTART-SVC: ssh.service\nafterpatch_owners 0\n';
const OPTIONS = { hostId: null, name: "here", now: Date.now };

describe.skipIf(missing !== null)(`every format${missing === null ? "" : ` (skipped: ${missing})`}`, () => {
  let folder: string;
  let child: ChildProcess;
  let program: string;
  let scan: Scan;

  beforeAll(async () => {
    folder = mkdtempSync("/var/lib/afterpatch-test-");
    program = join(folder, HOSTILE.replaceAll("/", ""));
    copyFileSync("/bin/sleep", program);
    // The longest single argument is 128 KiB (execve(2)).
    child = spawn(program, ["1000"], { argv0: `${HOSTILE}${"a b".repeat(34_000)}`, stdio: "ignore" });
    await new Promise((resolve, reject) => child.once("spawn", resolve).once("error", reject));
    copyFileSync("/bin/true", join(folder, "new"));
    renameSync(join(folder, "new"), program);
    scan = scanHost({ ...OPTIONS, all: true });
  });
  afterAll(async () => {
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await ended;
    rmSync(folder, { recursive: true });
  });

  test("the process is found", () => {
    const found = scan.findings.find((finding) => finding.process?.pid === child.pid);
    expect(found).toMatchObject({ verdict: "replaced" });
    expect(found?.process?.command.length).toBeLessThan(20_000);
  });

  test("no text has a raw control or invisible character", () => {
    const pid = child.pid ?? 0;
    const texts = {
      table: renderScan(scan, true),
      json: JSON.stringify(scan, null, 2),
      nagios: nagiosReport(scan).text,
      openmetrics: openMetrics(scan, "1.0.0"),
      needrestart: needrestartBatch(scan, "1.0.0"),
      plan: renderPlan(planDocument(scan), scan),
      planJson: JSON.stringify(planDocument(scan), null, 2),
      users: renderUsers(usersOf({ paths: [`${folder}/*`], package: null }, OPTIONS)),
      usersJson: JSON.stringify(usersOf({ paths: [`${folder}/*`], package: null }, OPTIONS), null, 2),
      sessions: renderSessions(sessionsOf(null, OPTIONS)),
      why: renderWhy(whyOf(pid, OPTIONS)),
      whyJson: JSON.stringify(whyOf(pid, OPTIONS), null, 2),
    };
    for (const [format, text] of Object.entries(texts)) {
      expect({ format, found: /[^\P{Cc}\n]|[\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u.exec(text)?.[0] }).toEqual({
        format,
        found: undefined,
      });
    }
    expect(texts.why).toContain("\\u{1b}");
    expect(schemaErrors(JSON.parse(texts.json))).toEqual([]);
    expect(documentErrors("plan", texts.planJson)).toEqual([]);
    expect(documentErrors("users", texts.usersJson)).toEqual([]);
    expect(documentErrors("why", texts.whyJson)).toEqual([]);
  });

  test("nagios: one `|`, one line for each owner", () => {
    const { text, code } = nagiosReport(scan);
    expect(code).toBe(2);
    expect(text.split("|")).toHaveLength(2);
    const [first, ...more] = text.trimEnd().split("\n");
    expect(first).toMatch(/^AFTERPATCH CRITICAL - [^|]+ \| '[a-z-]+'=[0-9.]+s?;;;0(?: '[a-z-]+'=[0-9.]+s?;;;0)*$/);
    const owners = new Set(scan.findings.map(({ owner }) => JSON.stringify(owner))).size;
    const lines = owners + scan.reboot.reasons.length + scan.notes.length;
    expect(more.length).toBe(lines > 100 ? 101 : lines);
  });

  test("openmetrics: every line is a sample or a description, and ends in # EOF once", () => {
    const text = openMetrics(scan, "1.0.0");
    expect(text.endsWith("\n# EOF\n")).toBe(true);
    const label = '[a-z_]+="(?:[^"\\\\\\n]|\\\\["\\\\n])*"';
    const line = new RegExp(
      `^(?:# (?:TYPE afterpatch_[a-z_]+ gauge|UNIT afterpatch_[a-z_]+_seconds seconds|HELP afterpatch_[a-z_]+ .+|EOF)|afterpatch_[a-z_]+(?:\\{${label}(?:,${label})*\\})? [0-9.]+)$`,
    );
    const lines = text.trimEnd().split("\n");
    expect(lines.filter((each) => !line.test(each))).toEqual([]);
    expect(lines.filter((each) => each === "# EOF")).toHaveLength(1);
    const series = lines.filter((each) => !each.startsWith("#")).map((each) => each.slice(0, each.lastIndexOf(" ")));
    expect(new Set(series).size).toBe(series.length);
  });

  const promtool = spawnSync("promtool", ["--version"]).error === undefined;
  test.skipIf(!promtool)(`openmetrics, read by promtool${promtool ? "" : " (skipped: no promtool)"}`, () => {
    const { status, stdout, stderr } = spawnSync("promtool", ["check", "metrics"], {
      input: openMetrics(scan, "1.0.0"),
      encoding: "utf8",
    });
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: "", stderr: "" });
  });

  test("needrestart: one record on each line, in needrestart's order, and none that the process wrote", () => {
    const lines = needrestartBatch(scan, "1.0.0").trimEnd().split("\n");
    expect(
      lines.filter((line) => !/^NEEDRESTART-(?:VER|PID|KCUR|KEXP|KSTA|UCSTA|SVC|CONT|SESS): \S.*$/.test(line)),
    ).toEqual([]);
    expect(lines[0]).toBe("NEEDRESTART-VER: 1.0.0");
    expect(lines.filter((line) => line.startsWith("NEEDRESTART-SVC: ssh.service"))).toEqual(
      scan.findings.some(({ owner }) => owner.name === "ssh.service") ? ["NEEDRESTART-SVC: ssh.service"] : [],
    );
    expect(lines.some((line) => line.startsWith("NEEDRESTART-PID: ") && line.includes(String(child.pid)))).toBe(true);
  });

  const needrestart = spawnSync("needrestart", ["--version"]).error === undefined;
  test.skipIf(!needrestart)(`needrestart -b itself${needrestart ? "" : " (skipped: no needrestart)"}`, () => {
    const real = recordsOf(spawnSync("needrestart", ["-b", "-r", "l"], { encoding: "utf8" }).stdout);
    const ours = recordsOf(needrestartBatch(scan, "1.0.0"));
    // A consumer reads both with the same few lines of code.
    for (const key of ["VER", "KCUR", "KSTA", "UCSTA"]) expect(real.get(key)).toHaveLength(1);
    for (const key of ["VER", "KCUR", "KSTA", "UCSTA"]) expect(ours.get(key)).toHaveLength(1);
    expect(ours.get("KCUR")).toEqual(real.get("KCUR"));
    const order = (records: ReadonlyMap<string, unknown>) =>
      [...records.keys()].filter((key) => real.has(key) && ours.has(key));
    expect(order(ours)).toEqual(order(real));
  });
});

function recordsOf(text: string): ReadonlyMap<string, readonly string[]> {
  const records = new Map<string, string[]>();
  for (const line of text.trimEnd().split("\n")) {
    const [, key = "?", value = ""] = /^NEEDRESTART-([A-Z]+): (.*)$/.exec(line) ?? [];
    records.set(key, [...(records.get(key) ?? []), value]);
  }
  return records;
}

test.each(["kernel-pending-and-old-services", "dbus-without-a-flag", "kernel-modules-gone-for-good"])(
  "a plan about a reboot is what its schema says: %s",
  (name) => {
    const path = join(import.meta.dirname, "../cases", name, "findings.json");
    const scan = JSON.parse(readFileSync(path, "utf8")) as Scan; // a case of ours
    for (const mode of REBOOT_MODES) {
      const document = planDocument(scan, { mode, sessionsFirst: true });
      expect(documentErrors("plan", JSON.stringify(document))).toEqual([]);
    }
  },
);

test.each([
  ["a format that is none", ["scan", "--format", "xml"]],
  ["a file that cannot be written", ["scan", "-o", "openmetrics", "--out", "/nonexistent/afterpatch.prom"]],
])("an error never looks like a verdict: %s", async (_name, args) => {
  const { code, stdout, stderr } = await run("agent", args);
  expect({ code, stdout }).toEqual({ code: 5, stdout: "" });
  expect(stderr).toMatch(/^afterpatch-agent: [^\n]+; [^\n]+\n$/);
});

test("a plugin that fails is UNKNOWN, never a warning", async () => {
  const { code, stdout, stderr } = await run("agent", ["scan", "-o", "nagios", "--out", "/nonexistent/x"]);
  expect(code).toBe(3);
  expect(stdout).toMatch(/^AFTERPATCH UNKNOWN - --out: [^\n]+\n$/);
  expect(stderr).toMatch(/^afterpatch-agent: --out: [^\n]+\n$/);
});

import { spawnSync } from "node:child_process";
import { closeSync, openSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { temporaryDirectory } from "./programs.ts";

// A host without a controller: its scan in a file for node_exporter's textfile collector, as the timer and cron have it written.

const ROOT = resolve(import.meta.dirname, "../..");
const DEPLOY = join(ROOT, "deploy/textfile");
const WRITTEN = "/var/lib/prometheus/node-exporter/afterpatch.prom";

/** What follows the program's name in the file that has it run. */
function argumentsIn(name: string): readonly string[] {
  const [, words = ""] =
    /^(?!#).*\/usr\/bin\/afterpatch-agent (.+)$/m.exec(readFileSync(join(DEPLOY, name), "utf8")) ?? [];
  return words.split(" ");
}

/** Runs the agent under a umask that leaves nothing to others, as root's is on many hosts. */
function agent(args: readonly string[]) {
  const words = [
    "-c",
    'umask 077; exec sh "$@"',
    "sh",
    join(ROOT, "test/node.sh"),
    join(ROOT, "packages/agent/src/main.ts"),
  ];
  return spawnSync("sh", [...words, ...args], { encoding: "utf8", timeout: 120_000 });
}

describe.each(["afterpatch-scan.service", "afterpatch-scan.cron"])("what %s runs", (name) => {
  test("replaces the file in one step, readable by everybody, in a form that promtool accepts", async () => {
    const folder = await temporaryDirectory();
    const file = join(folder, "afterpatch.prom");
    writeFileSync(file, "afterpatch_old 1\n", { mode: 0o600 });
    const reader = openSync(file, "r");
    const args = argumentsIn(name);
    expect(args).toContain(WRITTEN);
    const { status, stdout, stderr } = agent(args.map((word) => (word === WRITTEN ? file : word)));
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: "", stderr: "" });
    // Whoever had it open reads the old one to its end; nothing is left beside the new one.
    expect(readFileSync(reader, "utf8")).toBe("afterpatch_old 1\n");
    closeSync(reader);
    expect(readdirSync(folder)).toEqual(["afterpatch.prom"]);
    expect(statSync(file).mode & 0o777).toBe(0o644);
    const text = readFileSync(file, "utf8");
    const at = Number(/^afterpatch_scan_timestamp_seconds ([0-9.]+)$/m.exec(text)?.[1]);
    expect(Math.abs(Date.now() / 1000 - at)).toBeLessThan(300);
    // The collector refuses a file with timestamps; OpenMetrics' own lines are comments to it.
    expect(text.split("\n").filter((line) => /^[^#].*\} \S+ \S+$/.test(line))).toEqual([]);
    if (hasPromtool) {
      const checked = spawnSync("promtool", ["check", "metrics"], { input: text, encoding: "utf8" });
      expect({ ...checked, pid: 0 }).toMatchObject({ status: 0, stdout: "", stderr: "" });
    } else expect(process.env.CI).toBeUndefined();
  }, 120_000);
});

const hasPromtool = spawnSync("promtool", ["--version"]).error === undefined;

test("a scan that cannot be written leaves the file of the last one as it is, so that its age shows", async () => {
  const folder = await temporaryDirectory();
  const { status, stderr } = agent(["scan", "-o", "openmetrics", "--out", join(folder, "no/such/afterpatch.prom")]);
  expect(status).toBe(5);
  expect(stderr).toMatch(/^afterpatch-agent: --out: [^\n]+; [^\n]+\n$/);
  expect(readdirSync(folder)).toEqual([]);
});

const systemd = spawnSync("systemd-analyze", ["--version"]).error === undefined;
test.skipIf(!systemd)(`systemd reads the units${systemd ? "" : " (skipped: no systemd-analyze)"}`, async () => {
  const folder = await temporaryDirectory();
  for (const name of ["afterpatch-scan.service", "afterpatch-scan.timer"]) {
    const text = readFileSync(join(DEPLOY, name), "utf8");
    writeFileSync(join(folder, name), text.replace("/usr/bin/afterpatch-agent", "/bin/true"));
  }
  const paths = readdirSync(folder).map((name) => join(folder, name));
  const { stderr } = spawnSync("systemd-analyze", ["verify", "--man=no", ...paths], { encoding: "utf8" });
  expect(stderr.split("\n").filter((line) => line.includes("afterpatch-scan"))).toEqual([]);
});

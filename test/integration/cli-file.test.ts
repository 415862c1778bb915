import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { PLAN, planned, rollout, useBench, waveOf } from "./cli-fixtures.ts";

const bench = useBench();
const HEAD = "apiVersion: afterpatch/v1\nkind: Rollout\n";

async function file(text: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "afterpatch-rollout-file-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const path = join(folder, "openssl.yaml");
  await writeFile(path, HEAD + text);
  return path;
}

test("plan -f sends the file and shows its waves", async () => {
  const waves = [
    { ...waveOf("canary", planned("web01")), ramp: [1], bakeMs: 1_800_000, isApproved: true },
    { ...waveOf("rest", planned("web02")), ramp: [1, 5], after: ["canary"] },
  ];
  bench.script.plan = { ...PLAN, waves };
  const path = await file("select: 'role=web'\n");
  const { code, out } = await bench.run("plan", "-f", path);
  expect(code).toBe(0);
  expect(out).toContain("Wave canary: 1 host, 1 host at a time, then watched for 30m and approved of\n");
  expect(out).toContain("Wave rest: 1 host, batches of 1, then 5 at a time, after canary\n");
});

test("rollout start -f takes hosts, reason and name of the file; a pattern on the command line goes before", async () => {
  const path = await file("select: all\nreason: DSA-6001\nname: openssl\nactions: {reboot: never}\n");
  expect((await bench.run("rollout", "start", "-f", path, "--yes", "--detach")).code).toBe(0);
  expect((await bench.run("rollout", "start", "web01", "-f", path, "--reason", "x", "--yes", "--detach")).code).toBe(0);
  const text = `${HEAD}select: all\nreason: DSA-6001\nname: openssl\nactions: {reboot: never}\n`;
  expect(bench.script.asked.starts).toMatchObject([
    { pattern: "all", reason: "DSA-6001", name: "openssl", rolloutFile: text, reboot: null },
    { pattern: "web01", reason: "x", name: "openssl", rolloutFile: text },
  ]);
});

test("flags for simple cases are sent as a file", async () => {
  const flags = ["--by", "zone", "--bake", "30m", "--serial", "1,25%", "--max-fail", "5%", "--reboot", "never"];
  const { code } = await bench.run("rollout", "start", "all", "--reason", "x", "--yes", "--detach", ...flags);
  expect(code).toBe(0);
  expect(bench.script.asked.starts).toMatchObject([{ pattern: "all", serial: "1", maxFail: 0, reboot: null }]);
  expect(JSON.parse(bench.script.asked.starts[0]?.rolloutFile ?? "")).toMatchObject({
    ...{ actions: { reboot: "never" }, budgets: [{ by: "zone", maxGroups: 1 }], stop: { maxFailuresPercent: "5%" } },
    waves: [
      { name: "first", pick: { per: [], count: 1 }, bake: "30m" },
      { name: "rest", ramp: ["25%"] },
    ],
  });
});

test("a CVE is a filter, in upper case; what is none is told", async () => {
  const order = ["rollout", "start", "all", "--reason", "x", "--yes", "--detach", "--cve"];
  expect((await bench.run(...order, "cve-2026-28387")).code).toBe(0);
  expect(bench.script.asked.starts).toMatchObject([{ filter: { cves: ["CVE-2026-28387"] } }]);
  const { code, err } = await bench.run(...order, "28387");
  expect([code, err]).toEqual([5, "afterpatch: --cve: '28387' is no CVE id; write it like CVE-2026-28387\n"]);
});

test("rollout approve names the wave that was meant", async () => {
  bench.script.rollouts.set("r1", rollout("r1", "x", { state: "waiting-approval" }));
  const { code, out } = await bench.run("rollout", "approve", "r1", "--wave", "canary");
  expect([code, out.includes("Rollout r1 running: canary")]).toEqual([0, true]);
});

test.each<[string, string, readonly string[], string]>([
  [
    "a mistake",
    "waves:\n  - {name: a, ramp: [0]}\n",
    ["plan", "all", "-f", "FILE"],
    "rollout file: FILE:4: waves[0].ramp[0]: ",
  ],
  [
    "no hosts anywhere",
    "",
    ["plan", "-f", "FILE"],
    "pattern: neither the command line nor the file says which hosts; ",
  ],
  ["no reason anywhere", "", ["rollout", "start", "all", "-f", "FILE", "--yes"], "--reason: is missing; "],
  [
    "batch sizes twice",
    "",
    ["plan", "all", "-f", "FILE", "--serial", "2"],
    "--serial: the waves of the file say it (ramp); ",
  ],
  [
    "failures twice",
    "",
    ["rollout", "start", "all", "-f", "FILE", "--reason", "x", "--yes", "--max-fail", "0"],
    "--max-fail: the file says it (stop.maxFailures); ",
  ],
  [
    "a filter twice",
    "actions: {units: [ssh]}\n",
    ["plan", "all", "-f", "FILE", "--unit", "nginx"],
    "--unit: the file says it (actions.units); ",
  ],
  [
    "a filter and new work",
    "actions: {units: [ssh]}\n",
    ["rollout", "start", "all", "-f", "FILE", "--reason", "x", "--yes", "--allow-new"],
    "--allow-new: what is new was not held against the filter",
  ],
  [
    "reboots twice",
    "",
    ["plan", "all", "-f", "FILE", "--reboot", "never"],
    "--reboot: the file says it (actions.reboot); ",
  ],
  [
    "a file that is not there",
    "",
    ["plan", "all", "-f", "/nowhere.yaml"],
    "--file: /nowhere.yaml cannot be read: it does not exist; ",
  ],
  ["neither hosts nor a file", "", ["rollout", "start"], "command line: an argument is missing: hosts"],
])("%s is one clear line and exit code 5, and nothing is asked for", async (_name, text, args, why) => {
  const path = await file(text);
  const { code, out, err } = await bench.run(...args.map((arg) => (arg === "FILE" ? path : arg)));
  expect([code, out]).toEqual([5, ""]);
  expect(err).toContain(`afterpatch: ${why.replace("FILE", path)}`);
  expect([bench.script.asked.starts, bench.script.asked.patterns]).toEqual([[], []]);
});

test("every mistake of a file is told", async () => {
  const path = await file("wave: 1\nselekt: all\n");
  const { err } = await bench.run("plan", "all", "-f", path);
  expect(err).toContain(`${path}:4: selekt: unknown key; did you mean select?\n`);
  expect(err).toContain(
    `afterpatch: rollout file: ${path}:3: wave: unknown key; did you mean waves? (and 1 more, above); `,
  );
});

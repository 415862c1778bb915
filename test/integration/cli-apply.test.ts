import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { PLAN, planned, useBench, waveOf } from "./cli-fixtures.ts";

const bench = useBench();
const GO = ["--reason", "DSA-6001", "--yes", "--detach"];

/** A plan of these flags, kept. */
async function kept(...flags: readonly string[]): Promise<string> {
  const file = join(bench.directory, "kept.json");
  expect(await bench.run("plan", ...flags, "-o", "json", "--out", file)).toMatchObject({ code: 0, err: "" });
  return file;
}

test("a plan that was kept is ordered as it was, and begun while nothing is new", async () => {
  const file = await kept("role=web", "--serial", "1,50%", "--package", "openssl", "--reboot-delay", "5m");
  expect(JSON.parse(readFileSync(file, "utf8"))).toMatchObject({ actor: "ops", plannedAt: 1_700_000_000_000 });
  bench.script.plan = { ...PLAN, digest: "d2", waves: [waveOf("1", planned("web01"))] };
  const { code, err } = await bench.run("apply", file, ...GO);
  expect([code, err.includes("new:")]).toEqual([0, false]);
  expect(err).toContain(`afterpatch: ${file} was planned 2023-11-14T22:13:20Z by ops for 'role=web'\n`);
  expect(bench.script.asked.starts).toMatchObject([
    {
      ...{ pattern: "role=web", serial: "1,50%", expectedDigest: "d2", reason: "DSA-6001", rolloutFile: "" },
      filter: { packages: ["openssl"] },
      reboot: { delayMs: 300_000 },
    },
  ]);
});

test("what is new since is told and refused with exit code 8, unless it is allowed", async () => {
  const file = await kept("all");
  const plan = { ...PLAN, digest: "d2", waves: [waveOf("1", planned("web01"), planned("web02"), planned("web03"))] };
  bench.script.plan = plan;
  const { code, out, err } = await bench.run("apply", file, ...GO);
  expect([code, out]).toEqual([8, ""]);
  expect(err).toContain("new: web03: restart-service nginx.service\n");
  expect(err).toContain(
    `afterpatch: apply: the fleet has changed since ${file} was written (1 new, above); plan again`,
  );
  expect(bench.script.asked.starts).toEqual([]);
  expect((await bench.run("apply", file, ...GO, "--allow-new")).code).toBe(0);
  expect(bench.script.asked.starts).toMatchObject([{ allowNew: true, expectedDigest: "" }]);
});

test("a file that was kept with its plan is ordered again, with its reason", async () => {
  const yaml = join(bench.directory, "kept.yaml");
  const text = "apiVersion: afterpatch/v1\nkind: Rollout\nselect: all\nreason: DSA-6002\nactions: {units: [nginx]}\n";
  writeFileSync(yaml, text);
  const file = await kept("-f", yaml);
  expect((await bench.run("apply", file, "--yes", "--detach")).code).toBe(0);
  expect(bench.script.asked.starts).toMatchObject([
    { pattern: "all", reason: "DSA-6002", rolloutFile: text, reboot: null },
  ]);
});

test.each<[string, string, string]>([
  ["no JSON", "{", "it is no JSON"],
  ["another document", '{"schema": "afterpatch.scan/v1"}', "its schema is not afterpatch.fleetplan/v1"],
  [
    "a plan without its order",
    '{"schema": "afterpatch.fleetplan/v1", "digest": "d", "waves": []}',
    "it does not say what was ordered",
  ],
  [
    "a wave that is none",
    '{"schema": "afterpatch.fleetplan/v1", "digest": "d", "waves": [{"name": "a", "ramp": ["1"], "hosts": []}]}',
    "a wave of it cannot be read",
  ],
])("%s is one clear line and exit code 5", async (_name, content, why) => {
  const file = join(bench.directory, "wrong.json");
  writeFileSync(file, content);
  const { code, out, err } = await bench.run("apply", file, ...GO);
  expect([code, out]).toEqual([5, ""]);
  expect(err).toContain(`afterpatch: saved plan: ${file} is none: ${why}`);
  expect(err.split("\n")).toHaveLength(2);
});

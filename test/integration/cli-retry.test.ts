import { expect, test } from "vitest";
import { hostIn, rollout, useBench } from "./cli-fixtures.ts";

const bench = useBench();

test("rollout retry orders what a rollout before was, and says nothing a second time", async () => {
  expect((await bench.run("rollout", "retry", "r0", "--yes", "--detach", "--queue")).code).toBe(0);
  expect(bench.script.asked.starts).toMatchObject([
    {
      retryOf: "r0",
      queue: true,
      pattern: "",
      reason: "",
      name: "",
      rolloutFile: "",
      filter: null,
      expectedDigest: "d1",
    },
  ]);
});

test("a new reason takes the place of the old one, and failures that are tolerated do not", async () => {
  expect((await bench.run("rollout", "retry", "r0", "--reason", "disk mended", "--yes", "--detach")).code).toBe(0);
  expect(bench.script.asked.starts).toMatchObject([{ retryOf: "r0", reason: "disk mended", queue: false }]);
  const { code, err } = await bench.run("rollout", "retry", "r0", "--max-fail", "1", "--yes");
  expect([code, err]).toEqual([5, expect.stringContaining("--max-fail: is that of the rollout that is retried; ")]);
});

test("a rollout that is not there is told before anything is asked", async () => {
  const unknown = await bench.run("rollout", "retry", "r9");
  expect([unknown.code, unknown.err]).toEqual([6, expect.stringMatching(/^afterpatch: rollout r9: /)]);
  bench.script.rollouts.set("r1", rollout("r1", "DSA-1"));
  const known = await bench.run("rollout", "retry", "r1");
  expect([known.code, known.err]).toEqual([5, expect.stringContaining("nobody is at a terminal")]);
});

test("after a rollout that left hosts the last line says what comes next", async () => {
  const hosts = [hostIn("web01", "done"), hostIn("web02", "failed", { reason: "step-failed" })];
  bench.script.begin = ({ reason }) => rollout("r1", reason, { state: "finished", hosts, endedAt: 5 });
  const start = ["rollout", "start", "all", "--reason", "DSA-1", "--yes"];
  const { code, err } = await bench.run(...start);
  expect(code).toBe(2);
  expect(err).toMatch(/^afterpatch: next: 'afterpatch why web02' .*; 'afterpatch rollout retry r1' .*\n$/);
  expect((await bench.run(...start, "-o", "json")).err).not.toContain("next:");
});

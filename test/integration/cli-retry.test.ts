import { expect, test } from "vitest";
import { useBench } from "./cli-fixtures.ts";

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

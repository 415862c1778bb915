import { expect, test } from "vitest";
import { obstacleSince } from "./obstacle.ts";

test.each([
  ["a moment ago: what was allowed then is allowed now", 0, null],
  ["before a wait: what has come up meanwhile counts", 30_000, "/etc/afterpatch/deny exists"],
])("asked %s", async (_name, agoMs, expected) => {
  const ask = async () => "/etc/afterpatch/deny exists";
  expect(await obstacleSince(performance.now() - agoMs, ask)).toBe(expected);
});

test("where nobody can be asked nothing speaks against it", async () => {
  expect(await obstacleSince(performance.now() - 30_000, undefined)).toBeNull();
});

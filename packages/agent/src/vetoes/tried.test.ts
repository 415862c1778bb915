import { expect, test } from "vitest";
import type { Intent } from "../journal/operations.ts";
import { triedBefore } from "./tried.ts";

function start(kind: string, before: Intent["before"]): Intent {
  return { type: "intent", op: "op-1", step: { kind, target: "host" }, before, attempt: 1, at: 1 };
}
const NOW = { bootId: "b2", running: "6.1.0-1-amd64", expected: "6.1.0-2-amd64" };
const TRIED = start("reboot", { expected: "6.1.0-2-amd64", bootId: "b1" });

test.each<[string, readonly Intent[], Partial<typeof NOW> | { expected: null }, boolean]>([
  ["nothing was begun", [], {}, false],
  ["it came up with another kernel", [TRIED], {}, true],
  ["it came up with that kernel", [TRIED], { running: "6.1.0-2-amd64" }, false],
  ["a newer kernel is next by now", [TRIED], { expected: "6.1.0-3-amd64" }, false],
  ["it has not gone down yet", [TRIED], { bootId: "b1" }, false],
  ["which kernel is next is not known", [TRIED], { expected: null }, false],
  ["nobody knew which kernel would come", [start("reboot", { expected: null, bootId: "b1" })], {}, false],
  ["a reboot that an older version noted", [start("reboot", {})], {}, false],
  ["no reboot", [start("restart-service", { expected: "6.1.0-2-amd64", bootId: "b1" })], {}, false],
])("%s", (_name, starts, now, isHeld) => {
  const why = triedBefore(starts, { ...NOW, ...now });
  if (isHeld) expect(why).toMatch(/^it was rebooted for kernel 6\.1\.0-2-amd64 .* came up with 6\.1\.0-1-amd64; /);
  else expect(why).toBeNull();
});

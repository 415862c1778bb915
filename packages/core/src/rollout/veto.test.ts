import { expect, test } from "vitest";
import type { StepResult } from "./types.ts";
import { isHeldOff, retryInMs } from "./veto.ts";

const steps = (...outcomes: readonly StepResult["outcome"][]) => outcomes.map((outcome) => ({ outcome }));

test.each([
  "config",
  "denied",
  "window",
  "transaction",
  "inhibited",
  "users-logged-in",
  "cap",
  "package-lock",
  "hook-vetoed",
  "busy",
  "scheduled-shutdown",
  "boot-files",
  "impossible",
  "cancelled",
])("an order refused with %s was held off", (code) => {
  expect(isHeldOff({ result: "refused", code }, [])).toBe(true);
});

test.each<[string, Parameters<typeof isHeldOff>[0], ReturnType<typeof steps>, boolean]>([
  ["a reboot that a person cancelled", { result: "failed", code: "cancelled" }, steps("vetoed"), true],
  [
    "sessions ended for a reboot that a person cancelled",
    { result: "failed", code: "cancelled" },
    steps("done", "vetoed"),
    false,
  ],
  ["another kernel than the planned one", { result: "failed", code: "wrong-kernel" }, steps("failed"), false],
  ["a cap before every step", { result: "failed", code: "step-failed" }, steps("vetoed", "vetoed"), true],
  ["one step vetoed, one vanished", { result: "failed", code: "step-failed" }, steps("skipped", "vetoed"), true],
  ["a vetoed step, then the deny file", { result: "failed", code: "denied" }, steps("vetoed"), true],
  ["a step done, then the deny file", { result: "failed", code: "denied" }, steps("done"), false],
  ["a step done, one vetoed", { result: "failed", code: "step-failed" }, steps("done", "vetoed"), false],
  ["a step failed, one vetoed", { result: "failed", code: "step-failed" }, steps("failed", "vetoed"), false],
  ["a proof that was not given", { result: "failed", code: "findings-left" }, steps("skipped"), false],
  ["a step failed before anything was told of it", { result: "failed", code: "step-failed" }, [], false],
  ["an interruption", { result: "failed", code: "interrupted" }, steps("vetoed"), false],
  ["a permit that is not ours", { result: "refused", code: "wrong-host" }, [], false],
  ["a plan that no longer fits", { result: "stale", code: "new-targets" }, [], false],
  ["nothing was left to do", { result: "verified", code: "" }, steps("skipped"), false],
])("%s", (_name, outcome, results, expected) => {
  expect(isHeldOff(outcome, results)).toBe(expected);
});

test("a host is tried again later and later, five minutes at most", () => {
  expect([1, 2, 3, 4, 5, 6, 99].map((vetoes) => retryInMs(vetoes))).toEqual([
    10_000, 20_000, 40_000, 80_000, 160_000, 300_000, 300_000,
  ]);
});

test("a person who cancelled a reboot is not asked again at once", () => {
  expect(retryInMs(1, "cancelled")).toBe(300_000);
});

import type { StepResult } from "@afterpatch/core/rollout/types";
import { expect, test } from "vitest";
import type { Ending } from "../ports.ts";
import { applyExitCode } from "./exit-code.ts";

test.each<[string, Ending["result"], string, readonly StepResult["outcome"][], number]>([
  ["proved", "verified", "", ["done", "skipped"], 0],
  ["a failed step", "failed", "step-failed", ["done", "failed"], 2],
  ["a veto and nothing else", "failed", "step-failed", ["done", "vetoed"], 3],
  ["a veto before a failure", "failed", "step-failed", ["failed", "vetoed"], 3],
  ["a proof that failed", "failed", "findings-left", ["done"], 2],
  ["a package manager at work", "refused", "package-lock", [], 3],
  ["a step that was done, and then a package manager", "failed", "package-lock", ["done"], 3],
  ["a shutdown that somebody has scheduled", "refused", "scheduled-shutdown", [], 3],
  ["a reboot that somebody said no to", "failed", "cancelled", ["done", "vetoed"], 3],
  ["an agent's file that is no more valid", "refused", "config", [], 5],
  ["a plan that no longer fits", "stale", "new-targets", [], 8],
  ["an interrupt, even after a failure", "failed", "interrupted", ["failed"], 130],
  ["no scan", "refused", "scan-failed", [], 2],
])("%s", (_name, result, code, outcomes, expected) => {
  const steps = outcomes.map((outcome, at): StepResult => {
    return { kind: "restart-service", target: `${at}.service`, outcome, evidence: "", startedAt: 0, elapsedMs: 0 };
  });
  expect(applyExitCode({ ending: { result, code, message: "", residue: ["tmux"] }, steps }, false)).toBe(expected);
});

test("residue counts only when asked for", () => {
  const ending: Ending = { result: "verified", code: "", message: "", residue: ["tmux"] };
  expect(applyExitCode({ ending, steps: [] }, true)).toBe(4);
  expect(applyExitCode({ ending: { ...ending, residue: [] }, steps: [] }, true)).toBe(0);
});

import { expect, test } from "vitest";
import { type ExitCode, rolloutExitCode, worst } from "./exit.ts";
import type { HostState, RolloutState } from "./rollout/types.ts";

test.each<[readonly ExitCode[], ExitCode]>([
  [[], 0],
  [[0, 0], 0],
  [[10, 7, 4, 2, 3, 9, 8, 6, 5, 1], 1],
  [[10, 7, 4, 2, 3, 9, 8, 6, 5], 5],
  [[10, 7, 4, 2, 3, 9, 8, 6], 6],
  [[10, 7, 4, 2, 3, 9, 8], 8],
  [[10, 7, 4, 2, 3, 9], 9],
  [[10, 7, 4, 2, 3], 3],
  [[10, 7, 4, 2], 2],
  [[10, 7, 4], 4],
  [[10, 7], 7],
  [[10, 0], 10],
])("the worst of %j is %i", (codes, expected) => expect(worst(codes)).toBe(expected));

test.each<[string, RolloutState, readonly HostState[], number, boolean, ExitCode]>([
  ["everything is proved", "finished", ["done", "done"], 0, false, 0],
  ["nothing to do", "finished", [], 0, false, 0],
  ["residue is not failure", "finished", ["done", "done-with-residue"], 0, false, 0],
  ["unless asked to be", "finished", ["done", "done-with-residue"], 0, true, 4],
  ["a host failed", "finished", ["done", "failed"], 0, false, 2],
  ["a host failed and another is away", "finished", ["failed", "unreachable"], 0, false, 2],
  ["a host is away", "finished", ["done", "unreachable"], 0, false, 4],
  ["a host was written off", "finished", ["written-off"], 0, false, 4],
  ["a host vetoed", "finished", ["done", "vetoed"], 0, false, 4],
  ["a host was skipped", "finished", ["done", "skipped"], 0, false, 4],
  ["a selected host could not be planned", "finished", ["done"], 1, false, 4],
  ["a stop rule, and the failure that tripped it", "halted", ["failed", "pending"], 1, false, 3],
  ["aborted", "aborted", ["done", "pending"], 0, false, 3],
  ["running, whatever happened so far", "running", ["failed", "acting"], 1, false, 10],
  ["stopping", "stopping", ["failed", "acting"], 0, false, 10],
  ["paused", "paused", ["done", "pending"], 0, false, 7],
  ["waits for a window", "waiting-window", ["pending"], 0, false, 7],
])("%s", (_name, state, hosts, uncovered, failOnResidue, expected) => {
  const outcome = {
    state,
    hosts: hosts.map((each) => ({ state: each })),
    uncovered: Array(uncovered).fill("h"),
    failOnResidue,
  };
  expect(rolloutExitCode(outcome)).toBe(expected);
});

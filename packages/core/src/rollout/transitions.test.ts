import { expect, test } from "vitest";
import { canHostFollow, canRolloutFollow, isAtRest, isClosed, isInFlight } from "./transitions.ts";
import { HOST_STATES, type HostState, ROLLOUT_STATES, type RolloutState } from "./types.ts";

test.each<[HostState, string]>([
  ["pending", "vetoed permitted draining undraining done done-with-residue skipped unreachable written-off"],
  ["vetoed", "pending undraining skipped written-off"],
  ["permitted", "pending vetoed acting returning settling verifying done done-with-residue failed unreachable"],
  ["draining", "pending vetoed permitted draining undraining failed skipped"],
  ["acting", "pending vetoed acting returning settling verifying done done-with-residue failed unreachable"],
  ["returning", "vetoed returning settling verifying done done-with-residue failed unreachable"],
  ["settling", "pending vetoed settling verifying done done-with-residue failed unreachable"],
  ["verifying", "pending vetoed verifying undraining done done-with-residue failed unreachable"],
  ["undraining", "pending vetoed done done-with-residue failed skipped"],
  [
    "unreachable",
    "pending vetoed acting returning settling verifying done done-with-residue failed skipped written-off",
  ],
  ["done", ""],
  ["done-with-residue", ""],
  ["failed", "written-off"],
  ["skipped", ""],
  ["written-off", ""],
])("after %s a host may only become: %s", (from, allowed) => {
  expect(HOST_STATES.filter((to) => canHostFollow(from, to)).join(" ")).toBe(allowed);
});

test.each<[RolloutState, string]>([
  ["planned", "running aborted"],
  ["running", "paused waiting-approval waiting-window stopping halted aborted finished"],
  ["paused", "running stopping aborted"],
  ["waiting-approval", "running paused stopping aborted"],
  ["waiting-window", "running paused stopping aborted"],
  ["stopping", "halted aborted"],
  ["halted", ""],
  ["aborted", ""],
  ["finished", ""],
])("after %s a rollout may only become: %s", (from, allowed) => {
  expect(ROLLOUT_STATES.filter((to) => canRolloutFollow(from, to)).join(" ")).toBe(allowed);
});

test("a host is in our hands from its permit to its end", () => {
  expect(HOST_STATES.filter(isInFlight).join(" ")).toBe(
    "permitted draining acting returning settling verifying undraining",
  );
});

test("a host is at rest when nothing more will happen to it by us", () => {
  expect(HOST_STATES.filter(isAtRest).join(" ")).toBe("done done-with-residue failed skipped unreachable written-off");
});

test("no host comes to rest without a way to it", () => {
  for (const state of HOST_STATES.filter((s) => !isAtRest(s))) {
    expect(
      HOST_STATES.some((to) => isAtRest(to) && canHostFollow(state, to)),
      state,
    ).toBe(true);
  }
});

test("a rollout has ended when nothing follows", () => {
  expect(ROLLOUT_STATES.filter(isClosed).join(" ")).toBe("halted aborted finished");
});

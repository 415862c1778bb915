import { describe, expect, test } from "vitest";
import { acted, decide, done, failed, HOUR, lost, said, WEB } from "../../../../test/fakes/decisions.ts";
import {
  ALONE,
  abortRequested,
  fleetOf,
  permitted,
  permitVoid,
  type RolloutOrder,
  rolloutPlan,
  rolloutView,
  stopping,
  T0,
  unreachable,
} from "../../../../test/fakes/rollout.ts";
import { type FleetView, next } from "./next.ts";
import { failures } from "./stop.ts";
import type { RolloutEvent } from "./event.ts";
import type { RolloutState } from "./types.ts";

const ALL_DONE = done(...WEB);

describe("the ramp", () => {
  test.each<[string, RolloutOrder, readonly RolloutEvent[], string]>([
    ["serial 1 begins with the first", {}, [], "permit web1"],
    ["serial 1 waits for it", {}, [permitted("web1")], ""],
    ["serial 1 goes on in order", {}, done("web1"), "permit web2"],
    ["the first batch is alone", { ramp: [1, 2] }, [permitted("web1")], ""],
    ["the next batch is larger", { ramp: [1, 2] }, done("web1"), "permit web2, permit web3"],
    ["the last entry slides", { ramp: [1, 2] }, [...done("web1", "web2"), permitted("web3")], "permit web4"],
    ["a batch before the last is a barrier", { ramp: [2, 3] }, [...done("web1"), ...acted("web2")], ""],
    ["no slot of a barrier goes to the next batch", { ramp: [2, 3] }, [permitted("web1"), ...done("web2")], ""],
    [
      "a single entry slides from the start",
      { ramp: [3] },
      [permitted("web1"), ...done("web2")],
      "permit web3, permit web4",
    ],
    ["three entries in turn", { ramp: [1, 1, 9] }, done("web1"), "permit web2"],
    ["the third opens after two", { ramp: [1, 1, 9] }, done("web1", "web2"), "permit web3, permit web4, permit web5"],
    [
      "a ramp larger than the fleet",
      { ramp: [99] },
      [],
      "permit web1, permit web2, permit web3, permit web4, permit web5",
    ],
    ["a tolerated failure is at rest", { ramp: [1, 2], maxFail: 1 }, failed("web1"), "permit web2, permit web3"],
    [
      "hosts in every state of work take room",
      { ramp: [3] },
      [...acted("web1"), ...acted("web2", "settling"), ...acted("web3", "verifying")],
      "",
    ],
    [
      "an ended host leaves its room",
      { ramp: [3] },
      [...acted("web1"), ...done("web2"), permitted("web3")],
      "permit web4",
    ],
    ["a void permit is permitted again", {}, [permitted("web1"), permitVoid("web1")], "permit web1"],
    ["all at rest ends it", {}, ALL_DONE, "close finished"],
    [
      "a clean host takes no room and no batch",
      { hosts: ["a-clean", "web1", "web2"], ramp: [1, 2] },
      [],
      "nothing-to-do a-clean",
    ],
  ])("%s", (_name, order, events, expected) => {
    expect(said(decide(order, events).decisions)).toBe(expected);
  });

  test("a permit names the boot that the host said", () => {
    const hosts = new Map([["web1", { awaySince: null, bootId: "b9" }]]);
    const fleet: FleetView = { ...ALONE, hosts, listeningSince: T0 };
    expect(decide({}, [], fleet).decisions).toEqual([{ kind: "permit", hostId: "web1", bootId: "b9" }]);
  });

  test("why not more is said", () => {
    expect(decide({ ramp: [2] }, [permitted("web1"), permitted("web2")]).waits).toEqual(["2 of 2 in hand: web1, web2"]);
    expect(decide({}, [], fleetOf(WEB, { web1: T0 })).waits).toEqual(["not connected: web1"]);
  });

  test("hosts with nothing to do keep what stays, and alone they finish the rollout", () => {
    const view = rolloutView(rolloutPlan({ hosts: ["a-clean"] }));
    const [decision] = next(view, fleetOf([]), T0).decisions;
    expect(decision).toEqual({ kind: "nothing-to-do", hostId: "a-clean", residue: ["cron job of backup"] });
    const after = rolloutView(view.plan, { type: "nothing-to-do", at: T0, hostId: "a-clean", residue: [] });
    expect(next(after, fleetOf([]), T0).decisions).toEqual([
      { kind: "close", state: "finished", why: "nothing to do" },
    ]);
  });
});

describe("the stop rule", () => {
  test.each<[string, RolloutOrder, readonly RolloutEvent[], string]>([
    ["nothing failed", { maxFail: 0 }, done("web1"), "permit web2"],
    ["the first failure stops at 0", { maxFail: 0 }, failed("web1"), "stop"],
    ["at most 1 tolerates one", { maxFail: 1 }, failed("web1"), "permit web2"],
    ["at most 1 stops at the second", { maxFail: 1 }, failed("web1", "web2"), "stop"],
    ["no answer after a permit is a failure", { maxFail: 0, ramp: [2] }, lost("web1"), "stop"],
    ["away before a permit is none", { maxFail: 0 }, [unreachable("web1")], "returned web1"],
    [
      "a void permit and then away is none",
      { maxFail: 0 },
      [permitted("web1"), permitVoid("web1"), unreachable("web1")],
      "returned web1",
    ],
    ["it comes before hosts that could be permitted", { maxFail: 0, ramp: [5] }, failed("web1"), "stop"],
    [
      "it comes even when all is done",
      { maxFail: 0 },
      [...done("web1", "web2", "web3", "web4"), ...failed("web5")],
      "stop",
    ],
  ])("%s", (_name, order, events, expected) => {
    expect(said(decide(order, events).decisions)).toBe(expected);
  });

  test("it names the hosts and the rule", () => {
    expect(decide({ maxFail: 1, ramp: [3] }, [...failed("web1"), ...lost("web2")]).decisions).toEqual([
      { kind: "stop", why: "2 failed (web1, web2), at most 1 tolerated" },
    ]);
    expect(failures(rolloutView(rolloutPlan(), ...lost("web1"))).map((h) => h.name)).toEqual(["web1"]);
  });

  test.each<[string, readonly RolloutEvent[], string]>([
    ["a stop waits for hosts in hand", [permitted("web1"), stopping], ""],
    ["a stop ends halted", [...failed("web1"), stopping], "close halted"],
    ["an abort waits for hosts in hand", [permitted("web1"), ...acted("web2"), abortRequested], ""],
    ["an abort ends aborted", [abortRequested], "close aborted"],
    ["an abort of a stop ends aborted", [...failed("web1"), stopping, abortRequested], "close aborted"],
    [
      "a void permit while it stops is not permitted again",
      [permitted("web1"), abortRequested, permitVoid("web1")],
      "close aborted",
    ],
  ])("%s", (_name, events, expected) => {
    expect(said(decide({ ramp: [2] }, events).decisions)).toBe(expected);
  });

  test("a rollout that stops says for whom it waits", () => {
    expect(decide({}, [permitted("web1"), stopping]).waits).toEqual(["stopping: web1 still in hand"]);
  });
});

test.each<RolloutState>(["planned", "paused", "waiting-approval", "halted", "aborted", "finished"])(
  "a rollout that is %s permits nobody",
  (state) => {
    const view = { ...rolloutView(rolloutPlan({ hosts: WEB })), state };
    expect(next(view, fleetOf(WEB), T0).decisions).toEqual([]);
  },
);

test.each([-24 * HOUR, -HOUR, HOUR, 24 * HOUR])("a clock that steps by %i ms never permits more", (step) => {
  const busy = [permitted("web1"), ...acted("web2")];
  const before = decide({ ramp: [2], maxFail: 5 }, busy, fleetOf(WEB), T0);
  const after = decide({ ramp: [2], maxFail: 5 }, busy, fleetOf(WEB), T0 + step);
  expect(before.decisions).toEqual([]);
  expect(after.decisions.filter((d) => d.kind === "permit")).toEqual([]);
});

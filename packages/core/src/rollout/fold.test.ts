import { expect, test } from "vitest";
import {
  abortRequested,
  acting,
  ended,
  permitted,
  permitVoid,
  rolloutPlan,
  rolloutView,
  started,
  stopping,
  T0,
  triedAgain,
  unreachable,
  vetoed,
} from "../../../../test/fakes/rollout.ts";
import { fold, follow, planned } from "./fold.ts";
import type { RolloutEvent } from "./event.ts";

const PLAN = rolloutPlan({ hosts: ["web1", "web2", "web3-clean"] });
const closed = (state: "halted" | "aborted" | "finished"): RolloutEvent => ({ type: "closed", at: T0, state, why: "" });
const returned: RolloutEvent = { type: "returned", at: T0, hostId: "web1" };
const idle: RolloutEvent = { type: "nothing-to-do", at: T0, hostId: "web3-clean", residue: ["cron job of backup"] };

test("before its first event all hosts are pending without a permit", () => {
  const view = planned(PLAN);
  expect(view).toMatchObject({ state: "planned", why: "", isAborting: false, version: 0 });
  expect(view.hosts.map((h) => [h.name, h.state, h.permits, h.permit])).toEqual([
    ["web1", "pending", 0, null],
    ["web2", "pending", 0, null],
    ["web3-clean", "pending", 0, null],
  ]);
});

test.each<[string, readonly RolloutEvent[], object]>([
  [
    "a permit is kept with its times",
    [permitted("web1")],
    {
      state: "permitted",
      permits: 1,
      permit: { id: "web1-p1", bootId: "b1", epoch: 1, beginBy: T0 + 60_000, endBy: T0 + 660_000 },
    },
  ],
  ["a permit is not begun before its host says so", [permitted("web1")], { permit: { isBegun: false } }],
  [
    "one that was seen to begin stays begun, also where the host is given up",
    [permitted("web1"), acting("web1", "returning"), unreachable("web1")],
    { state: "unreachable", permit: { isBegun: true } },
  ],
  [
    "a host that was given up while it was down goes on where it is",
    [permitted("web1"), unreachable("web1"), acting("web1", "returning"), acting("web1", "settling"), ended("web1")],
    { state: "done" },
  ],
  [
    "a reboot that a person cancelled is a veto",
    [permitted("web1"), acting("web1", "returning"), vetoed("web1")],
    { state: "vetoed", permit: null },
  ],
  [
    "a void permit leaves a host as if never permitted, but counted",
    [permitted("web1"), permitVoid("web1")],
    { state: "pending", permits: 1, permit: null, reason: "the permit did not reach the host" },
  ],
  [
    "a second permit counts",
    [permitted("web1"), permitVoid("web1"), permitted("web1", 2)],
    { state: "permitted", permits: 2, permit: { id: "web1-p2" }, reason: "" },
  ],
  [
    "progress may be passed over",
    [permitted("web1"), acting("web1", "verifying"), ended("web1", "done-with-residue")],
    { state: "done-with-residue", reason: "" },
  ],
  [
    "a refusal that arrives after progress was seen makes the permit void",
    [permitted("web1"), acting("web1", "verifying"), permitVoid("web1")],
    { state: "pending", permit: null },
  ],
  [
    "an unanswered host keeps its permit, and its word still counts",
    [permitted("web1"), unreachable("web1")],
    { state: "unreachable", permit: { id: "web1-p1" } },
  ],
  [
    "a host that comes back ends where it stands",
    [permitted("web1"), unreachable("web1"), acting("web1", "settling"), ended("web1", "failed")],
    { state: "failed", reason: "step-failed" },
  ],
  [
    "a veto takes the permit away and is counted, with the host's words",
    [permitted("web1"), vetoed("web1")],
    {
      state: "vetoed",
      permits: 1,
      vetoes: 1,
      permit: null,
      againAt: T0 + 10_000,
      reason: "denied: /etc/afterpatch/deny exists: migration",
    },
  ],
  [
    "a veto may come after progress was seen",
    [permitted("web1"), acting("web1", "verifying"), vetoed("web1")],
    { state: "vetoed", permit: null },
  ],
  [
    "a host that comes back with a veto has done nothing",
    [permitted("web1"), unreachable("web1"), vetoed("web1")],
    { state: "vetoed", permit: null },
  ],
  [
    "tried again it is pending, and why it had to be is still said",
    [permitted("web1"), vetoed("web1"), triedAgain("web1")],
    { state: "pending", vetoes: 1, againAt: null, steps: [], reason: "denied: /etc/afterpatch/deny exists: migration" },
  ],
  [
    "a second veto counts",
    [permitted("web1"), vetoed("web1"), triedAgain("web1"), permitted("web1", 2), vetoed("web1", 2)],
    { state: "vetoed", permits: 2, vetoes: 2 },
  ],
  [
    "one that vetoed may be done in the end",
    [permitted("web1"), vetoed("web1"), triedAgain("web1"), permitted("web1", 2), ended("web1", "done", 2)],
    { state: "done", reason: "", vetoes: 1 },
  ],
  ["a host away before its permit returns", [unreachable("web1"), returned], { state: "pending", reason: "" }],
  [
    "a host away after a void permit returns too",
    [permitted("web1"), permitVoid("web1"), unreachable("web1"), returned],
    { state: "pending" },
  ],
])("%s", (_name, events, expected) => {
  const view = rolloutView(PLAN, ...events);
  expect(view.hosts[0]).toMatchObject(expected);
  expect(view.version).toBe(events.length + 1);
  expect(view.hosts[1]).toEqual(planned(PLAN).hosts[1]);
});

test("a host with nothing to do is done, with what stays by name", () => {
  const view = rolloutView(PLAN, idle, { ...idle, hostId: "web2", residue: [] });
  expect(view.hosts[2]).toMatchObject({ state: "done-with-residue", residue: ["cron job of backup"] });
  expect(view.hosts[1]).toMatchObject({ state: "done", residue: [], reason: "nothing to do" });
});

test.each<[string, readonly RolloutEvent[], object]>([
  ["started", [], { state: "running", isAborting: false, why: "" }],
  ["stopped by a rule", [stopping], { state: "stopping", isAborting: false, why: "1 failed" }],
  ["aborted while stopping", [stopping, abortRequested], { state: "stopping", isAborting: true, why: "wrong fleet" }],
  ["asked twice to abort", [abortRequested, abortRequested], { state: "stopping", isAborting: true }],
  ["halted", [stopping, closed("halted")], { state: "halted" }],
  ["aborted", [abortRequested, closed("aborted")], { state: "aborted", isAborting: true }],
  ["finished", [closed("finished")], { state: "finished" }],
])("a rollout that was %s", (_name, events, expected) => {
  expect(rolloutView(PLAN, ...events)).toMatchObject(expected);
});

test.each<[string, readonly RolloutEvent[], RolloutEvent, RegExp]>([
  ["a host that is not in it", [], permitted("db1"), /host db1 is not in this rollout/],
  ["a second permit at once", [permitted("web1")], permitted("web1", 2), /permitted cannot follow permitted/],
  ["a permit after the end", [permitted("web1"), ended("web1")], permitted("web1", 2), /cannot follow done/],
  ["a permit while it stops", [stopping], permitted("web1"), /no permit while the rollout is stopping/],
  ["a permit while it aborts", [abortRequested], permitted("web1"), /no permit while the rollout is stopping/],
  ["a permit after it ended", [closed("finished")], permitted("web1"), /finished/],
  ["progress without a permit", [], acting("web1"), /permit web1-p1 is not its newest/],
  [
    "progress of an older permit",
    [permitted("web1"), permitVoid("web1"), permitted("web1", 2)],
    acting("web1"),
    /newest/,
  ],
  [
    "the end of an older permit",
    [permitted("web1"), permitVoid("web1"), permitted("web1", 2)],
    ended("web1"),
    /newest/,
  ],
  ["the end of a void permit", [permitted("web1"), permitVoid("web1")], ended("web1"), /newest/],
  [
    "an older permit being void",
    [permitted("web1"), permitVoid("web1"), permitted("web1", 2)],
    permitVoid("web1"),
    /newest/,
  ],
  ["a step back", [permitted("web1"), acting("web1", "verifying")], acting("web1"), /acting cannot follow verifying/],
  [
    "a return to work of one that reboots",
    [permitted("web1"), acting("web1", "returning")],
    acting("web1"),
    /acting cannot follow returning/,
  ],
  ["a second end", [permitted("web1"), ended("web1")], ended("web1", "failed"), /failed cannot follow done/],
  ["a void permit after the end", [permitted("web1"), ended("web1")], permitVoid("web1"), /pending cannot follow done/],
  ["silence after the end", [permitted("web1"), ended("web1")], unreachable("web1"), /unreachable cannot follow done/],
  ["a return of one that never left", [], returned, /pending cannot follow pending/],
  ["a veto without a permit", [], vetoed("web1"), /permit web1-p1 is not its newest/],
  ["a second veto of one permit", [permitted("web1"), vetoed("web1")], vetoed("web1"), /newest/],
  ["the end of a permit that was vetoed", [permitted("web1"), vetoed("web1")], ended("web1"), /newest/],
  ["a permit right after a veto", [permitted("web1"), vetoed("web1")], permitted("web1", 2), /cannot follow vetoed/],
  ["a new try of one that did not veto", [unreachable("web1")], triedAgain("web1"), /has not vetoed/],
  ["a return with a permit in hand", [permitted("web1"), unreachable("web1")], returned, /holds a permit/],
  ["news after it ended", [permitted("web1"), stopping, closed("halted")], ended("web1"), /the rollout is halted/],
  ["a second start", [], started, /running cannot follow running/],
  ["a second stop", [stopping], stopping, /stopping cannot follow stopping/],
  ["a stop after an abort", [abortRequested], stopping, /stopping cannot follow stopping/],
  ["success after a stop", [stopping], closed("finished"), /finished cannot follow stopping/],
  ["an abort after the end", [closed("finished")], abortRequested, /stopping cannot follow finished/],
])("%s is refused", (_name, events, event, why) => {
  const after = follow(rolloutView(PLAN, ...events), event);
  expect(after).toMatchObject({ kind: "refused", why: expect.stringMatching(why) });
});

test("nothing happens to a host before the rollout started", () => {
  expect(follow(planned(PLAN), permitted("web1"))).toMatchObject({ kind: "refused" });
  expect(follow(planned(PLAN), idle)).toMatchObject({ kind: "refused", why: "the rollout is planned" });
});

test("stored events that cannot have happened are told by rollout and place", () => {
  expect(() => fold(PLAN, [started, permitted("web1"), permitted("web1", 2)])).toThrow(
    "rollout r1, event 3: web1: permitted cannot follow permitted",
  );
});

import { describe, expect, test } from "vitest";
import {
  ALONE,
  abortRequested,
  acting,
  ended,
  fleetOf,
  permitted,
  permitVoid,
  type RolloutOrder,
  rolloutPlan,
  rolloutView,
  stopping,
  T0,
  TIMING,
  triedAgain,
  unreachable,
  vetoed,
} from "../../../../test/fakes/rollout.ts";
import { type Decision, type FleetView, next } from "./next.ts";
import { failures } from "./stop.ts";
import type { RolloutEvent, RolloutState } from "./types.ts";

const HOUR = 3_600_000;
const WEB = ["web1", "web2", "web3", "web4", "web5"];
const END_BY = T0 + TIMING.beginWithinMs + TIMING.deadlineMs;

function decide(order: RolloutOrder, events: readonly RolloutEvent[], fleet = fleetOf(WEB), now = T0 + 1_000) {
  return next(rolloutView(rolloutPlan({ hosts: WEB, ...order }), ...events), fleet, now);
}

/** As one line: `permit web1, permit web2`. */
function said(decisions: readonly Decision[]): string {
  return decisions
    .map((d) => ("hostId" in d ? `${d.kind} ${d.hostId}` : d.kind === "close" ? `close ${d.state}` : d.kind))
    .join(", ");
}

const done = (...hosts: readonly string[]) => hosts.flatMap((host) => [permitted(host), ended(host)]);
const failed = (...hosts: readonly string[]) => hosts.flatMap((host) => [permitted(host), ended(host, "failed")]);
const lost = (...hosts: readonly string[]) => hosts.flatMap((host) => [permitted(host), unreachable(host)]);
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

describe("silence", () => {
  const away = (since: number) => fleetOf(WEB, { web1: since });
  const SILENT = TIMING.unreachableAfterMs;
  test.each<[string, readonly RolloutEvent[], FleetView, number, string, number | null]>([
    [
      "a pending host may be away for a while, and the next one is taken",
      [],
      away(T0),
      T0 + SILENT - 1,
      "permit web2",
      T0 + SILENT,
    ],
    ["then it is unreachable", [], away(T0), T0 + SILENT, "unreachable web1", T0 + SILENT],
    ["and does not hold up the others", [unreachable("web1")], away(T0), T0 + SILENT, "permit web2", null],
    [
      "one never seen is away since we listen",
      [],
      { ...ALONE, hosts: new Map(), listeningSince: T0 },
      T0 + SILENT,
      WEB.map((h) => `unreachable ${h}`).join(", "),
      T0 + SILENT,
    ],
    ["not earlier", [], { ...ALONE, hosts: new Map(), listeningSince: T0 }, T0 + SILENT - 1, "", T0 + SILENT],
    ["it returns while the rollout is open", [unreachable("web1")], fleetOf(WEB), T0, "returned web1", T0],
    ["one that was permitted does not", lost("web1"), fleetOf(WEB), T0, "stop", T0],
    ["nor does any while it stops", [unreachable("web1"), stopping], fleetOf(WEB), T0, "close halted", null],
    [
      "a permit not begun is asked for",
      [permitted("web1")],
      fleetOf(WEB),
      T0 + TIMING.beginWithinMs,
      "ask-again web1",
      T0 + TIMING.beginWithinMs,
    ],
    [
      "not before its time",
      [permitted("web1")],
      fleetOf(WEB),
      T0 + TIMING.beginWithinMs - 1,
      "",
      T0 + TIMING.beginWithinMs,
    ],
    ["nor once begun", acted("web1"), fleetOf(WEB), END_BY, "", END_BY + SILENT],
    ["nor of a host that is away", [permitted("web1")], away(T0), T0 + TIMING.beginWithinMs, "", END_BY + SILENT],
    ["no result by the deadline", acted("web1"), fleetOf(WEB), END_BY + SILENT, "unreachable web1", END_BY + SILENT],
    [
      "also while it stops",
      [...acted("web1"), abortRequested],
      away(T0),
      END_BY + SILENT,
      "unreachable web1",
      END_BY + SILENT,
    ],
  ])("%s", (_name, events, fleet, now, expected, wakeAt) => {
    const { decisions, wakeAt: at } = decide({}, events, fleet, now);
    expect([said(decisions), at]).toEqual([expected, wakeAt]);
  });

  test("a controller that was down for hours gives its hosts time to come back with their results", () => {
    const back = END_BY + 5 * HOUR;
    const fleet: FleetView = { ...ALONE, hosts: new Map(), listeningSince: back };
    expect(said(decide({ hosts: ["web1"] }, acted("web1"), fleet, back).decisions)).toBe("");
    expect(said(decide({ hosts: ["web1"] }, acted("web1"), fleet, back + SILENT).decisions)).toBe("unreachable web1");
  });

  test("a host without an answer stays charged", () => {
    expect(said(decide({ ramp: [2], maxFail: 1 }, lost("web1")).decisions)).toBe("permit web2");
    expect(said(decide({ ramp: [3], maxFail: 1 }, lost("web1")).decisions)).toBe("permit web2, permit web3");
  });

  test("when such hosts use up the ramp it halts instead of hanging", () => {
    const { decisions } = decide({ ramp: [1], maxFail: 1 }, lost("web1"));
    expect(decisions).toEqual([{ kind: "stop", why: "no room left: web1 did not answer and may be down still" }]);
    expect(said(decide({ ramp: [2], maxFail: 2 }, [...lost("web1"), permitted("web2")]).decisions)).toBe("");
  });

  test("only hosts that are connected are permitted, the next ready one in the place of one away", () => {
    expect(said(decide({ ramp: [2] }, [], away(T0)).decisions)).toBe("permit web2, permit web3");
    expect(said(decide({ ramp: [1, 2] }, [], away(T0)).decisions)).toBe("");
  });
});

describe("a host that vetoes", () => {
  const DUE = T0 + 10_000;
  const once = (host: string) => [permitted(host), vetoed(host)];
  const tries = (host: string, times: number) =>
    Array.from({ length: times }, (_, i) => [
      ...(i > 0 ? [triedAgain(host)] : []),
      permitted(host, i + 1),
      vetoed(host, i + 1),
    ]).flat();
  const two = { hosts: ["web1", "web2"], ramp: [2] };
  const othersTry = [...tries("web1", 3), ...tries("web2", 3), triedAgain("web2"), permitted("web2", 4)];
  test.each<[string, RolloutOrder, readonly RolloutEvent[], number, string]>([
    ["frees its place", {}, once("web1"), T0, "permit web2"],
    ["is no failure", { maxFail: 0, ramp: [2] }, once("web1"), T0, "permit web2, permit web3"],
    ["is tried again when it is time", {}, [...once("web1"), permitted("web2")], DUE, "try-again web1"],
    ["not earlier", {}, [...once("web1"), permitted("web2")], DUE - 1, ""],
    ["then waits for its place", {}, [...once("web1"), permitted("web2"), triedAgain("web1")], DUE, ""],
    ["and takes it first", {}, [...once("web1"), ...done("web2"), triedAgain("web1")], DUE, "permit web1"],
    ["holds up a larger batch", { ramp: [1, 3] }, once("web1"), DUE - 1, ""],
    ["alone is waited for", { hosts: ["web1"] }, tries("web1", 2), DUE - 1, ""],
    ["alone is given up after three tries", { hosts: ["web1"] }, tries("web1", 3), DUE - 1, "stop"],
    ["halts what a larger batch would do without it", { ramp: [1, 3] }, tries("web1", 3), DUE, "stop"],
    ["is tried on while others are worked on", {}, [...tries("web1", 3), permitted("web2")], DUE, "try-again web1"],
    ["does not keep another one alive that only vetoes", two, othersTry, DUE, ""],
    ["is not tried again while it stops", {}, [...once("web1"), permitted("web2"), stopping], DUE, ""],
    ["stays as it is when the rollout is aborted", {}, [...once("web1"), abortRequested], DUE, "close aborted"],
  ])("%s", (_name, order, events, now, expected) => {
    expect(said(decide(order, events, fleetOf(WEB), now).decisions)).toBe(expected);
  });

  test("wakes the controller when it is time", () => {
    expect(decide({ hosts: ["web1"] }, once("web1")).wakeAt).toBe(DUE);
    expect(decide({}, [...once("web1"), permitted("web2")]).wakeAt).toBe(DUE);
    expect(decide(two, othersTry).wakeAt).toBeGreaterThan(DUE);
  });

  test("is named with its own words, when it is waited for and when it is given up", () => {
    const order = { hosts: ["web1", "web2"] };
    expect(decide(order, [...once("web1"), permitted("web2")]).waits).toEqual([
      "1 of 1 in hand: web2",
      "vetoed, and tried again: web1",
    ]);
    expect(decide(order, [...tries("web1", 3), ...done("web2")]).decisions).toEqual([
      { kind: "stop", why: "vetoed on the host: web1 (denied: /etc/afterpatch/deny exists: migration)" },
    ]);
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

function acted(host: string, state: "acting" | "settling" | "verifying" = "acting"): readonly RolloutEvent[] {
  return [permitted(host), acting(host, state)];
}

import { describe, expect, test } from "vitest";
import {
  acting,
  ended,
  fleetOf,
  permitted,
  rolloutPlan,
  rolloutView,
  T0,
  TIMING,
  unreachable,
} from "../../../../test/fakes/rollout.ts";
import type { Budget } from "./budgets.ts";
import { type FleetView, next } from "./next.ts";
import type { RolloutEvent } from "./event.ts";
import type { RolloutShape } from "./types.ts";
import type { Wave } from "./waves.ts";

const HOSTS = ["a1", "a2", "b1", "b2", "c1"];
const MINUTE = 60_000;

const SHAPE: RolloutShape = {
  waves: [],
  budgets: [],
  hours: { windows: [], freeze: [] },
  maxFailPercent: null,
  progressDeadlineMs: null,
};

function wave(name: string, hosts: string, rest: Partial<Wave> = {}): Wave {
  const hostIds = hosts === "" ? [] : hosts.split(" ");
  return {
    name,
    hostIds,
    ramp: [9],
    mode: "slide",
    after: [],
    bakeMs: 0,
    isApproved: false,
    leaderLast: null,
    ...rest,
  };
}

const CANARY = wave("canary", "a1");
const REST = wave("rest", "a2 b1 b2 c1", { after: ["canary"] });

/** What is decided in one line, or why nothing is. */
function decide(
  shape: Partial<RolloutShape>,
  events: readonly RolloutEvent[] = [],
  {
    fleet = {},
    now = T0 + 1_000,
    hosts = HOSTS,
    maxFail = 0,
  }: { fleet?: Partial<FleetView>; now?: number; hosts?: readonly string[]; maxFail?: number } = {},
): string {
  const plan = { ...rolloutPlan({ hosts, maxFail }), shape: { ...SHAPE, ...shape } };
  const { decisions, waits, wakeAt } = next(rolloutView(plan, ...events), { ...fleetOf(hosts), ...fleet }, now);
  const said = decisions.map((d) =>
    "hostId" in d
      ? `${d.kind} ${d.hostId}`
      : "wave" in d
        ? `${d.kind} ${d.wave}`
        : "why" in d
          ? `${d.kind}: ${d.why}`
          : d.kind,
  );
  return said.length > 0 ? said.join(", ") : `${waits.join("; ")}${wakeAt === null ? "" : ` (+${wakeAt - T0})`}`;
}

const done = (...hosts: readonly string[]) => hosts.flatMap((host) => [permitted(host), ended(host)]);
const waveEnded = (name: string, bakeUntil = T0): RolloutEvent => ({
  type: "wave-ended",
  at: T0,
  wave: name,
  bakeUntil,
});
const gate: RolloutEvent = { type: "gate", at: T0, why: "wave canary waits for an approval" };
const approved: RolloutEvent = { type: "approved", at: T0, wave: "canary", actor: "eve" };
const windowClosed: RolloutEvent = { type: "window-closed", at: T0, why: "outside" };

describe("waves", () => {
  const waves = [CANARY, REST];
  const gated = [{ ...CANARY, isApproved: true }, REST];
  test.each<[string, readonly Wave[], readonly RolloutEvent[], string]>([
    ["the first wave alone", waves, [], "permit a1"],
    ["nobody of the second while it is in hand", waves, [permitted("a1")], "1 of 9 in hand: a1 (+60000)"],
    ["it has ended", waves, done("a1"), "end-wave canary"],
    ["the second begins", waves, [...done("a1"), waveEnded("canary")], "permit a2, permit b1, permit b2, permit c1"],
    ["all have ended", waves, [...done(...HOSTS), waveEnded("canary"), waveEnded("rest")], "close: "],
    [
      "it is watched first",
      [{ ...CANARY, bakeMs: 1 }, REST],
      [...done("a1"), waveEnded("canary", T0 + MINUTE)],
      "wave canary is watched before the next one begins (+60000)",
    ],
    [
      "the last one is watched too",
      waves,
      [...done(...HOSTS), waveEnded("canary"), waveEnded("rest", T0 + MINUTE)],
      "wave rest is watched before the next one begins (+60000)",
    ],
    ["somebody has to approve", gated, [...done("a1"), waveEnded("canary")], "gate: wave canary waits for an approval"],
    ["nothing begins at the gate", gated, [...done("a1"), waveEnded("canary"), gate], "waiting-approval"],
    [
      "somebody has approved",
      gated,
      [...done("a1"), waveEnded("canary"), gate, approved],
      "permit a2, permit b1, permit b2, permit c1",
    ],
    [
      "somebody has approved before the gate",
      gated,
      [...done("a1"), waveEnded("canary"), approved],
      "permit a2, permit b1, permit b2, permit c1",
    ],
    [
      "nothing comes after it: nobody is asked",
      [{ ...CANARY, isApproved: true, hostIds: HOSTS }],
      [...done(...HOSTS), waveEnded("canary")],
      "close: ",
    ],
    [
      "only an empty wave comes after it: nobody is asked",
      [{ ...CANARY, isApproved: true, hostIds: HOSTS }, wave("rest", "", { after: ["canary"] })],
      [...done(...HOSTS), waveEnded("canary")],
      "end-wave rest",
    ],
    [
      "behind an empty wave is one with hosts: somebody is asked",
      [
        { ...CANARY, isApproved: true },
        wave("none", "", { after: ["canary"] }),
        wave("rest", "b1", { after: ["none"] }),
      ],
      [...done("a1"), waveEnded("canary")],
      "gate: wave canary waits for an approval",
    ],
    [
      "two at once",
      [wave("x", "a1 a2", { ramp: [1] }), wave("y", "b1 b2 c1", { ramp: [2] })],
      [],
      "permit a1, permit b1, permit b2",
    ],
    [
      "each has its own room",
      [wave("x", "a1 a2", { ramp: [1] }), wave("y", "b1 b2 c1", { ramp: [1] })],
      [permitted("a1")],
      "permit b1",
    ],
    [
      "after two",
      [wave("x", "a1"), wave("y", "b1"), wave("z", "c1", { after: ["x", "y"] })],
      [...done("a1"), waveEnded("x")],
      "permit b1",
    ],
    ["an empty wave ends at once", [wave("none", ""), { ...CANARY, after: ["none"] }], [], "end-wave none"],
    [
      "batches do not slide",
      [wave("x", HOSTS.join(" "), { ramp: [2], mode: "batch" })],
      [...done("a1"), permitted("a2")],
      "1 of 2 in hand: a2 (+60000)",
    ],
    [
      "the next batch",
      [wave("x", HOSTS.join(" "), { ramp: [2], mode: "batch" })],
      done("a1", "a2"),
      "permit b1, permit b2",
    ],
    ["one that slides", [wave("x", HOSTS.join(" "), { ramp: [2] })], [...done("a1"), permitted("a2")], "permit b1"],
  ])("%s", (_name, all, events, expected) => expect(decide({ waves: all }, events)).toBe(expected));

  test("a host that comes back to a wave that has ended is still taken", () => {
    const events = [unreachable("a1"), waveEnded("canary"), { type: "returned", at: T0, hostId: "a1" } as const];
    expect(decide({ waves }, events)).toBe("permit a1, permit a2, permit b1, permit b2, permit c1");
  });
});

describe("budgets", () => {
  const byZone: Budget = {
    name: "by zone",
    maxGroups: null,
    groups: ["a1 a2", "b1 b2", "c1"].map((ids) => ({ value: ids.slice(0, 1), hostIds: ids.split(" "), most: 1 })),
  };
  const waves = [wave("all", HOSTS.join(" "))];
  test.each<[string, readonly RolloutEvent[], Partial<FleetView>, string]>([
    ["one of each zone", [], {}, "permit a1, permit b1, permit c1"],
    ["one in hand counts", [permitted("b2")], {}, "permit a1, permit c1"],
    ["one that did not answer counts", [permitted("b2"), unreachable("b2")], {}, "permit a1, permit c1"],
    ["one that failed counts", [permitted("b2"), ended("b2", "failed")], {}, "permit a1, permit c1"],
    ["one that was never reached counts", [unreachable("b2")], fleetOf(HOSTS, { b2: T0 }), "permit a1, permit c1"],
    [
      "one that is unavailable for others' reasons counts",
      [],
      { unavailable: new Set(["a2", "c1"]) },
      "permit a2, permit b1, permit c1",
    ],
    ["and it says why", done("b1", "b2", "c1"), { unavailable: new Set(["a1", "x"]) }, "permit a1"],
  ])("%s", (_name, events, fleet, expected) => {
    expect(decide({ waves, budgets: [byZone] }, events, { fleet, maxFail: 5 })).toBe(expected);
  });

  test("nothing can be taken: it says why, and looks again", () => {
    const said = decide({ waves, budgets: [{ ...byZone, groups: [{ value: "", hostIds: HOSTS, most: 0 }] }] });
    expect(said).toBe("budget (by zone): 0 of 5 unavailable, at most 0 (+11000)");
  });
});

describe("windows", () => {
  const night = {
    days: ["sat"],
    startMinute: 22 * 60,
    durationMs: 4 * 3_600_000,
    tz: "UTC",
    lastStartMs: null,
  } as const;
  const hours = { windows: [night], freeze: [] };
  const waves = [wave("all", HOSTS.join(" "), { ramp: [1] })];
  const [NOON, NIGHT] = [Date.UTC(2026, 10, 28, 12), Date.UTC(2026, 10, 28, 22)];
  test.each<[string, readonly RolloutEvent[], number, string]>([
    ["it is open", [], NIGHT, "permit a1"],
    ["it is closed", [], NOON, "window-close: outside of every window; the next one opens sat 2026-11-28 22:00 UTC"],
    ["hosts in hand finish first", [permitted("a1")], NOON, "1 of 1 in hand: a1 (+60000)"],
    [
      "it waits, and looks again within a minute",
      [windowClosed],
      NOON,
      "outside of every window; the next one opens sat 2026-11-28 22:00 UTC (+61000)",
    ],
    [
      "it looks again as it opens",
      [windowClosed],
      NIGHT - 7_000,
      "outside of every window; the next one opens sat 2026-11-28 22:00 UTC (+8000)",
    ],
    ["it opens", [windowClosed], NIGHT, "window-open"],
    ["nothing is left to do: no window is waited for", [...done(...HOSTS), waveEnded("all")], NOON, "close: "],
  ])("%s", (_name, events, wall, expected) =>
    expect(decide({ waves, hours }, events, { fleet: { wall } })).toBe(expected),
  );
});

describe("stop rules", () => {
  const many = Array.from({ length: 12 }, (_, index) => `h${index}`);
  const waves = [wave("all", many.join(" "), { ramp: [1] })];
  const failed = (...hosts: readonly string[]) => hosts.flatMap((host) => [permitted(host), ended(host, "failed")]);
  test.each<[string, readonly RolloutEvent[], string]>([
    ["a tenth of ten", [...failed("h0"), ...done(...many.slice(1, 10))], "permit h10"],
    [
      "two of ten",
      [...failed("h0", "h1"), ...done(...many.slice(2, 10))],
      "stop: 2 of 10 failed, at most 10% tolerated",
    ],
    ["before the tenth nothing is a tenth", [...failed("h0", "h1"), ...done(...many.slice(2, 9))], "permit h9"],
  ])("%s", (_name, events, expected) => {
    expect(decide({ waves, maxFailPercent: 10 }, events, { hosts: many, maxFail: 9 })).toBe(expected);
  });

  test("no host done in time stops, and is looked for in time", () => {
    const shape = { waves, progressDeadlineMs: 5 * MINUTE };
    const at = (now: number) => decide(shape, [permitted("h0"), acting("h0")], { hosts: many, now });
    expect(at(T0 + 5 * MINUTE - 1)).toBe(`1 of 1 in hand: h0 (+${5 * MINUTE})`);
    expect(at(T0 + 5 * MINUTE)).toBe("stop: no host was done within 5m");
    expect(TIMING.deadlineMs).toBeGreaterThan(5 * MINUTE);
  });
});

describe("hosts that are away before their turn", () => {
  const waves = [wave("all", "a1 a2", { ramp: [1] })];
  const away = fleetOf(["a1", "a2"], { a1: T0 });
  const late = T0 + TIMING.unreachableAfterMs;
  const said = (unreachable: "wait" | "skip" | "fail", events: readonly RolloutEvent[] = [], fleet = away) =>
    decide({ waves, unreachable }, events, { hosts: ["a1", "a2"], fleet, now: late });
  const skipped: RolloutEvent = { type: "skipped", at: T0, hostId: "a1", why: "not connected" };
  test("are waited for, and come back", () => {
    expect(said("wait")).toBe("unreachable a1");
    expect(said("wait", [unreachable("a1")], fleetOf(["a1", "a2"]))).toBe("returned a1");
  });
  test("are passed over", () => {
    expect(said("skip")).toBe("skip a1");
    expect(said("skip", [skipped], fleetOf(["a1", "a2"]))).toBe("permit a2");
  });
  test("are failures", () => {
    expect(said("fail")).toBe("unreachable a1");
    expect(said("fail", [unreachable("a1")], fleetOf(["a1", "a2"]))).toBe("stop: 1 failed (a1), at most 0 tolerated");
  });
});

import { expect, test } from "vitest";
import {
  acting,
  ended,
  fleetOf,
  permitted,
  type RolloutOrder,
  rolloutPlan,
  rolloutView,
  T0,
  unreachable,
  vetoed,
} from "../../../../test/fakes/rollout.ts";
import { type FleetView, next } from "./next.ts";
import type { RolloutEvent } from "./event.ts";
import type { RolloutShape } from "./types.ts";
import type { Wave } from "./waves.ts";
import { obstaclesOf } from "./why.ts";

const HOSTS = ["a1", "a2", "a3"];
const NOW = T0 + 1_000;
const HOLD = { actor: "ada", reason: "disk swap", since: T0, until: null };
const SHAPE: RolloutShape = {
  waves: [],
  budgets: [],
  hours: { windows: [], freeze: [] },
  maxFailPercent: null,
  progressDeadlineMs: null,
};
const wave = (name: string, hostIds: readonly string[], rest: Partial<Wave> = {}): Wave => ({
  ...{ name, hostIds, ramp: [9], mode: "slide", after: [], bakeMs: 0, isApproved: false, leaderLast: null },
  ...rest,
});
const ALL = [wave("all", HOSTS)];
const TWO = (first: Partial<Wave> = {}) => [
  wave("canary", ["a1"], first),
  wave("rest", ["a2", "a3"], { after: ["canary"] }),
];
const waveEnded: RolloutEvent = { type: "wave-ended", at: T0, wave: "canary", bakeUntil: T0 + 60_000 };
const done = (host: string) => [permitted(host), ended(host)];
const ONE = { name: "all: at most 1", maxGroups: null, groups: [{ value: "", hostIds: HOSTS, most: 1 }] };

interface Case {
  readonly shape?: Partial<RolloutShape>;
  readonly order?: RolloutOrder;
  readonly events?: readonly RolloutEvent[];
  readonly fleet?: Partial<FleetView>;
  readonly away?: Readonly<Record<string, number>>;
  readonly now?: number;
}

function at({ shape, order = {}, events = [], fleet = {}, away = {} }: Case) {
  const plan = rolloutPlan({ hosts: HOSTS, maxFail: 9, ...order });
  const view = rolloutView(shape ? { ...plan, shape: { ...SHAPE, ...shape } } : plan, ...events);
  return { view, seen: { ...fleetOf(HOSTS, away), ...fleet } };
}

test.each<[string, string, Case, readonly string[]]>([
  ["is next", "a1", {}, ["next: nothing: it is next"]],
  ["is in hand", "a1", { events: [permitted("a1"), acting("a1")] }, ["in-hand: it is in hand of rollout r1 (acting)"]],
  ["has ended", "a1", { events: [permitted("a1"), ended("a1", "failed")] }, ["ended: failed: step-failed"]],
  [
    "was lost and is away",
    "a1",
    { events: [permitted("a1"), unreachable("a1")], away: { a1: T0 } },
    ["ended: unreachable: not connected", "away: it is not connected"],
  ],
  ["comes after a full batch", "a2", { events: [permitted("a1")] }, ["batch: the batch is full: 1 of 1 in hand: a1"]],
  ["comes later in an open batch", "a2", {}, ["batch: a1 come before it"]],
  [
    "is in a batch of the ramp that is not open",
    "a2",
    { order: { ramp: [1, 2] }, events: [permitted("a1")] },
    ["batch: the batch before its own has not ended: a1 (permitted)"],
  ],
  [
    "is in a wave after one that runs",
    "a2",
    { shape: { waves: TWO() }, events: [permitted("a1")] },
    ["wave: its wave rest waits for wave canary: a1 (permitted)"],
  ],
  [
    "is in a wave after one that bakes",
    "a2",
    { shape: { waves: TWO({ bakeMs: 60_000 }) }, events: [...done("a1"), waveEnded] },
    ["wave: its wave rest waits for wave canary, which is watched before the next one begins"],
  ],
  [
    "is in a wave after one that nobody approved of",
    "a2",
    { shape: { waves: TWO({ isApproved: true }) }, events: [...done("a1"), waveEnded], now: T0 + 61_000 },
    ["approval: its wave rest waits for wave canary, which somebody has to approve of"],
  ],
  [
    "is cordoned, away and frozen all at once",
    "a1",
    { fleet: { holds: { cordons: new Map([["a1", HOLD]]), freeze: { ...HOLD, reason: "sales" } } }, away: { a1: T0 } },
    ["cordon: cordoned by ada: disk swap", "away: it is not connected", "freeze: fleet freeze by ada: sales"],
  ],
  [
    "has a freeze of its file",
    "a1",
    { shape: { waves: ALL, hours: { windows: [], freeze: [{ from: T0, until: T0 + 9e6, reason: "xmas" }] } } },
    [expect.stringMatching(/^freeze: freeze until .* \(xmas\)$/)],
  ],
  [
    "is over a budget",
    "a2",
    { shape: { waves: ALL, budgets: [ONE] }, events: [permitted("a1")] },
    ["budget: budget (all: at most 1): 1 of 3 unavailable, at most 1"],
  ],
  [
    "waits for the brake",
    "a1",
    { order: { rebooted: HOSTS }, fleet: { rebootPermittedAt: T0 } },
    ["brake: a reboot begins every 10s at most"],
  ],
  [
    "waits for the controller's own reboot",
    "a1",
    { fleet: { leavingFor: "ctl" } },
    ["controller: nothing begins until ctl is back, on which the controller runs"],
  ],
  [
    "vetoed in a rollout that is paused",
    "a1",
    { events: [permitted("a1"), vetoed("a1"), { type: "paused", at: T0, actor: "eve", why: "paused by eve" }] },
    ["paused: paused by eve", "veto: denied: /etc/afterpatch/deny exists: migration"],
  ],
])("a host that %s", (_name, host, { now = NOW, ...rest }, expected) => {
  const { view, seen } = at(rest);
  const found = obstaclesOf(view, host, seen, now).map(({ kind, why }) => `${kind}: ${why}`);
  expect(found.map((text) => text.replace(/, permitted \d+s ago$/, ""))).toEqual(expected);
});

test.each<[string, Case]>([
  ["one at a time", {}],
  ["two at a time", { order: { ramp: [2] } }],
  ["a cordon", { order: { ramp: [9] }, fleet: { holds: { cordons: new Map([["a2", HOLD]]), freeze: null } } }],
  ["a freeze", { fleet: { holds: { cordons: new Map(), freeze: HOLD } } }],
  ["waves", { shape: { waves: TWO() } }],
  ["a budget", { shape: { waves: ALL, budgets: [ONE] } }],
  ["the brake", { order: { rebooted: HOSTS, ramp: [9] } }],
  ["an absence", { order: { ramp: [9] }, away: { a1: T0 } }],
])("where nothing more is decided, no host that waits is said to be next: %s", (_name, given) => {
  const { seen, view: first } = at(given);
  let fleet: FleetView = seen;
  let events: readonly RolloutEvent[] = [];
  for (;;) {
    const { decisions } = next(events.length === 0 ? first : at({ ...given, events }).view, fleet, NOW);
    const permits = decisions.flatMap((decision) => (decision.kind === "permit" ? [permitted(decision.hostId)] : []));
    if (permits.length === 0) break;
    events = [...events, ...permits];
    fleet = { ...fleet, rebootPermittedAt: NOW };
  }
  const { view } = at({ ...given, events });
  const waiting = view.hosts.filter(({ state }) => state === "pending");
  expect(waiting.length).toBeGreaterThan(0);
  for (const { hostId } of waiting) {
    expect(obstaclesOf(view, hostId, fleet, NOW).map(({ kind }) => kind)).not.toContain("next");
  }
});

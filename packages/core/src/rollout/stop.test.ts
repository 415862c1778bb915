import { expect, test } from "vitest";
import { ended, permitted, rolloutPlan, rolloutView, T0, unreachable } from "../../../../test/fakes/rollout.ts";
import { type HookSpec, UNCOUNTED } from "../rollout-file/spec.ts";
import { failures, tripped } from "./stop.ts";
import type { RolloutEvent } from "./event.ts";
import type { RolloutPlan, RolloutShape } from "./types.ts";

const HOSTS = Array.from({ length: 12 }, (_, index) => `web${index + 1}`);
const HOOK: HookSpec = { command: ["/etc/afterpatch/hooks/drain"], timeoutMs: 1_000, onFail: "fail-host" };
const SHAPE: RolloutShape = {
  waves: [
    {
      name: "all",
      hostIds: HOSTS,
      ramp: [9],
      mode: "slide",
      after: [],
      bakeMs: 0,
      isApproved: false,
      leaderLast: null,
    },
  ],
  budgets: [],
  hours: { windows: [], freeze: [] },
  maxFailPercent: null,
  progressDeadlineMs: null,
  care: { before: [], drain: HOOK, after: [], undrain: HOOK },
};

function planOf(shape: Partial<RolloutShape>, maxFail = 99): RolloutPlan {
  return { ...rolloutPlan({ hosts: HOSTS, maxFail }), shape: { ...SHAPE, ...shape } };
}

/** Its drain failed: it never had a permit. */
function notDrained(hostId: string): readonly RolloutEvent[] {
  const outcome = { state: "failed", reason: "its drain: exited 1", againAt: null, isStop: false } as const;
  return [
    { type: "taken", at: T0, hostId, phase: "draining" },
    { type: "left", at: T0, hostId, outcome, isDrained: true },
  ];
}

function done(hostId: string): readonly RolloutEvent[] {
  return [
    { type: "taken", at: T0, hostId, phase: "draining" },
    { type: "ready", at: T0, hostId, baseline: null },
    permitted(hostId),
    ended(hostId),
  ];
}

const writtenOff = (hostId: string): RolloutEvent => ({
  type: "written-off",
  at: T0,
  hostId,
  actor: "ada",
  why: "dead",
});

test.each<[string, readonly RolloutEvent[], string | null]>([
  ["one of ten is 10 %", [...notDrained("web1"), ...HOSTS.slice(1, 10).flatMap(done)], null],
  [
    "two of ten are more",
    [...notDrained("web1"), ...notDrained("web2"), ...HOSTS.slice(2, 10).flatMap(done)],
    "2 of 10 failed, at most 10% tolerated",
  ],
  ["nine are too few to tell", [...notDrained("web1"), ...HOSTS.slice(1, 9).flatMap(done)], null],
])("hosts whose drain failed are of those that ended: %s", (_name, events, why) => {
  expect(tripped(rolloutView(planOf({ maxFailPercent: 10 }), ...events), T0)).toBe(why);
});

test.each<[string, RolloutShape["unreachable"], readonly RolloutEvent[], readonly string[]]>([
  ["its drain failed", "wait", notDrained("web1"), ["web1"]],
  ["away before its turn, which is a failure here", "fail", [unreachable("web1")], ["web1"]],
  ["away before its turn, which is none", "wait", [unreachable("web1")], []],
])("writing a host off undoes no failure, and makes none: %s", (_name, policy, events, failed) => {
  const plan = planOf(policy === undefined ? {} : { unreachable: policy });
  expect(failures(rolloutView(plan, ...events)).map(({ name }) => name)).toEqual(failed);
  expect(failures(rolloutView(plan, ...events, writtenOff("web1"))).map(({ name }) => name)).toEqual(failed);
});

test.each<[string, number, number, string | null]>([
  ["the first failure is more than 5 % of ten", 5, 1, "1 of 1 failed, at most 5% tolerated"],
  ["two of ten are 20 %", 20, 2, null],
  ["three are more", 20, 3, "3 of 3 failed, at most 20% tolerated"],
])("where only the percentage counts failures it does so from the first on: %s", (_name, percent, count, why) => {
  const events = HOSTS.slice(0, count).flatMap(notDrained);
  expect(tripped(rolloutView(planOf({ maxFailPercent: percent }, UNCOUNTED), ...events), T0)).toBe(why);
});

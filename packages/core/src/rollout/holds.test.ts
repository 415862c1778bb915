import { expect, test } from "vitest";
import { fleetOf, permitted, rolloutPlan, rolloutView, T0 } from "../../../../test/fakes/rollout.ts";
import { NO_HOLDS } from "./holds.ts";
import { next } from "./next.ts";
import type { RolloutEvent } from "./event.ts";
import type { RolloutPlan } from "./types.ts";

const HOOK = { command: ["/bin/true"], timeoutMs: 1_000, onFail: "skip-host" } as const;
const HOSTS = ["web1", "web2"];
const HOLD = { actor: "ada", reason: "disk swap", since: T0, until: null };

function drained(): RolloutPlan {
  const wave = { name: "all", hostIds: HOSTS, ramp: [1], mode: "slide", after: [], bakeMs: 0 } as const;
  return {
    ...rolloutPlan({ hosts: HOSTS }),
    shape: {
      ...{ waves: [{ ...wave, isApproved: false, leaderLast: null }], budgets: [], maxFailPercent: null },
      ...{ hours: { windows: [], freeze: [] }, progressDeadlineMs: null },
      care: { before: [], drain: HOOK, after: [], undrain: HOOK },
    },
  };
}

const NO_CARE = { before: [], drain: null, after: [], undrain: null };
const TWO_AT_ONCE = drained().shape?.waves.map((wave) => ({ ...wave, ramp: [2] })) ?? [];

const READY: readonly RolloutEvent[] = [
  { type: "taken", at: T0, hostId: "web1", phase: "draining" },
  { type: "ready", at: T0, hostId: "web1", baseline: null },
];

test.each([
  ["nothing is held: it gets its permit", NO_HOLDS, ["permit"]],
  ["it is cordoned", { ...NO_HOLDS, cordons: new Map([["web1", HOLD]]) }, ["give-back"]],
  ["the fleet is frozen", { ...NO_HOLDS, freeze: HOLD }, ["give-back"]],
  ["another one is cordoned", { ...NO_HOLDS, cordons: new Map([["web2", HOLD]]) }, ["permit"]],
])(
  "a host that is out of service and only lacks its permit goes back where it is held: %s",
  (_name, holds, expected) => {
    const { decisions } = next(rolloutView(drained(), ...READY), { ...fleetOf(HOSTS), holds }, T0 + 1_000);
    expect(decisions.map(({ kind }) => kind)).toEqual(expected);
  },
);

test.each([
  ["has no end: when somebody ends it", null, null],
  ["ends soon: then", T0 + 5_000, T0 + 6_000],
  ["ends late: within a minute, for clocks are stepped", T0 + 9_000_000, T0 + 61_000],
])("a cordon that %s is looked at again", (_name, until, wakeAt) => {
  const holds = { ...NO_HOLDS, cordons: new Map([["web1", { ...HOLD, until }]]) };
  const view = rolloutView(rolloutPlan({ hosts: ["web1"] }));
  expect(next(view, { ...fleetOf(HOSTS), holds }, T0 + 1_000)).toMatchObject({ decisions: [], wakeAt });
});

test("while a host is in hand the end of a freeze, or of a night, is not missed by those that may begin beside it", () => {
  const view = rolloutView(rolloutPlan({ hosts: HOSTS, ramp: [2] }), permitted("web1"));
  const frozen = { ...NO_HOLDS, freeze: { ...HOLD, until: T0 + 20_000 } };
  const seen = { ...fleetOf(HOSTS), holds: frozen };
  expect(next(view, seen, T0 + 1_000)).toMatchObject({ decisions: [], wakeAt: T0 + 21_000 });
  const hours = { windows: [], freeze: [{ from: T0, until: T0 + 30_000, reason: "" }] };
  const { shape } = drained();
  const plan = { ...view.plan, ...(shape ? { shape: { ...shape, hours, care: NO_CARE, waves: TWO_AT_ONCE } } : {}) };
  const night = rolloutView(plan, permitted("web1"));
  expect(next(night, fleetOf(HOSTS), T0 + 1_000)).toMatchObject({ decisions: [], wakeAt: T0 + 31_000 });
});

import { expect, test } from "vitest";
import {
  acting,
  ended,
  fleetOf,
  permitted,
  rolloutPlan,
  rolloutView,
  T0,
  TIMING,
} from "../../../../test/fakes/rollout.ts";
import type { HookSpec } from "../rollout-file/spec.ts";
import { next } from "./next.ts";
import type { RolloutEvent } from "./event.ts";
import type { RolloutPlan } from "./types.ts";

// Hosts with a drain, before and after their permits.

const HOSTS = ["ctl", "web1"];
const HOOK: HookSpec = { command: ["/etc/afterpatch/hooks/drain"], timeoutMs: 1_000, onFail: "fail-host" };

function planOf(): RolloutPlan {
  const wave = {
    name: "all",
    hostIds: HOSTS,
    ramp: [5],
    mode: "slide",
    after: [],
    bakeMs: 0,
    isApproved: false,
  } as const;
  return {
    ...rolloutPlan({ hosts: HOSTS, rebooted: ["ctl"], controllerOn: "ctl", maxFail: 1 }),
    shape: {
      ...{ waves: [{ ...wave, leaderLast: null }], budgets: [], hours: { windows: [], freeze: [] } },
      ...{ maxFailPercent: null, progressDeadlineMs: null },
      care: { before: [], drain: HOOK, after: [], undrain: HOOK },
    },
  };
}

function drained(hostId: string): readonly RolloutEvent[] {
  return [
    { type: "taken", at: T0, hostId, phase: "draining" },
    { type: "ready", at: T0, hostId, baseline: null },
  ];
}

const away = (hostId: string): RolloutEvent => ({ type: "unreachable", at: T0, hostId, why: "not connected" });
const returned = (hostId: string): RolloutEvent => ({ type: "returned", at: T0, hostId });
const waveEnded: RolloutEvent = { type: "wave-ended", at: T0, wave: "all", bakeUntil: T0 };

test("the controller's own host is given back where another comes back to be done before it", () => {
  const readyAlone = [away("web1"), waveEnded, ...drained("ctl")];
  const decided = (...events: readonly RolloutEvent[]) =>
    next(rolloutView(planOf(), ...events), { ...fleetOf(HOSTS, { web1: T0 }), rebootPermittedAt: null }, T0);
  expect(decided(...readyAlone).decisions).toMatchObject([{ kind: "permit", hostId: "ctl" }]);
  const both = next(rolloutView(planOf(), ...readyAlone, returned("web1")), fleetOf(HOSTS), T0);
  expect(both.decisions).toMatchObject([{ kind: "give-back", hostId: "ctl" }]);
});

test("one that falls silent after its drain is told to be out of service still", () => {
  const events = [...drained("web1"), permitted("web1"), acting("web1")];
  const at = T0 + TIMING.beginWithinMs + TIMING.deadlineMs + TIMING.unreachableAfterMs;
  const { decisions } = next(rolloutView(planOf(), ...events), fleetOf(HOSTS), at);
  const why = "no result by the permit's deadline (acting); it is out of service still";
  expect(decisions).toEqual([{ kind: "unreachable", hostId: "web1", why }]);
  const proved = [...events, ended("web1", "failed")];
  expect(next(rolloutView(planOf(), ...proved), fleetOf(HOSTS), at).decisions).not.toContainEqual(
    expect.objectContaining({ kind: "unreachable" }),
  );
});

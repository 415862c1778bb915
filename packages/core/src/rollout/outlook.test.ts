import { expect, test } from "vitest";
import { ended, fleetOf, permitted, rolloutPlan, rolloutView, T0, vetoed } from "../../../../test/fakes/rollout.ts";
import type { RolloutEvent } from "./event.ts";
import { leftMs, waitsOf, wavesOutlook } from "./outlook.ts";
import type { RolloutShape } from "./types.ts";
import type { Wave } from "./waves.ts";

const NOW = T0 + 1_000;
const wave = (name: string, hostIds: readonly string[], rest: Partial<Wave> = {}): Wave => ({
  ...{ name, hostIds, ramp: [1], mode: "slide", after: [], bakeMs: 0, isApproved: false, leaderLast: null },
  ...rest,
});
const shapeOf = (...waves: readonly Wave[]): RolloutShape => ({
  ...{ waves, budgets: [], hours: { windows: [], freeze: [] } },
  ...{ maxFailPercent: null, progressDeadlineMs: null },
});

function at(hosts: readonly string[], shape: RolloutShape | null, ...events: readonly RolloutEvent[]) {
  const plan = { ...rolloutPlan({ hosts, maxFail: 9 }), ...(shape ? { shape } : {}) };
  return { view: rolloutView(plan, ...events), fleet: fleetOf(hosts) };
}

const CANARY = shapeOf(wave("canary", ["a1"], { bakeMs: 60_000 }), wave("rest", ["a2", "a3"], { after: ["canary"] }));

test("waves: who is at rest, in hand and failed, and until when one is watched", () => {
  const { view } = at(["a1", "a2", "a3"], CANARY, permitted("a1"), ended("a1", "failed"), {
    ...{ type: "wave-ended", at: T0, wave: "canary", bakeUntil: T0 + 60_000 },
  });
  expect(wavesOutlook(view, NOW)).toEqual([
    { name: "canary", after: [], state: "baking", bakeUntil: T0 + 60_000, hosts: 1, ended: 1, inHand: 0, failed: 1 },
    { name: "rest", after: ["canary"], state: "blocked", bakeUntil: null, hosts: 2, ended: 0, inHand: 0, failed: 0 },
  ]);
});

test("a host with nothing to do is in no count, and without a shape there is one wave", () => {
  const { view } = at(["a1", "b-clean"], null, permitted("a1"));
  expect(wavesOutlook(view, NOW)).toMatchObject([{ name: "all", hosts: 1, inHand: 1, ended: 0 }]);
});

test("waits: one line for a wave, one for each host with a reason of its own, and names of the first", () => {
  const { view, fleet } = at(["a1", "a2", "a3"], CANARY, permitted("a1"));
  expect(waitsOf(view, fleet, NOW)).toEqual([
    {
      ...{ kind: "wave", hosts: 2, names: ["a2", "a3"], until: null },
      why: "its wave rest waits for wave canary: a1 (permitted)",
    },
  ]);
  const held = at(["a1", "a2"], null, permitted("a1"), vetoed("a1"));
  expect(waitsOf(held.view, held.fleet, NOW)).toMatchObject([
    { kind: "veto", hosts: 1, names: ["a1"], why: "denied: /etc/afterpatch/deny exists: migration" },
  ]);
});

test("of 5,000 hosts a few are asked, and all are counted", () => {
  const hosts = Array.from({ length: 5_000 }, (_, index) => `h${index}`);
  const { view, fleet } = at(hosts, null, permitted("h0"));
  const waits = waitsOf(view, fleet, NOW);
  expect(waits.map(({ hosts: count }) => count).reduce((a, b) => a + b)).toBe(4_999);
  expect(waits.at(-1)).toEqual({
    ...{ kind: "batch", why: "their turn comes after these", until: null, hosts: 4_987, names: [] },
  });
});

test("what is left: of hosts that have not ended, with the bake that runs; unknown where a person is waited for", () => {
  const measured = ["a1", "a2", "a3"].map((hostId) => ({ hostId, isRebooted: false, ms: 10_000 }));
  const begun = at(["a1", "a2", "a3"], CANARY);
  expect(leftMs(begun.view, measured, NOW)).toBe(90_000);
  const bakes = at(["a1", "a2", "a3"], CANARY, permitted("a1"), ended("a1"), {
    ...{ type: "wave-ended", at: T0, wave: "canary", bakeUntil: T0 + 60_000 },
  });
  expect(leftMs(bakes.view, measured, NOW)).toBe(79_000);
  const paused = at(["a1"], null, { type: "paused", at: T0, actor: "ada", why: "lunch" });
  expect(leftMs(paused.view, measured, NOW)).toBeNull();
});

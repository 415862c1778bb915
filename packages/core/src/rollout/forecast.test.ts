import { describe, expect, test } from "vitest";
import { NO_REBOOT } from "../plan/reboot.ts";
import { type Forecasted, forecastOf, type Measured } from "./forecast.ts";

const RESTART = [{ kind: "restart-service", target: "ssh.service" }];
const REBOOT = [{ kind: "reboot", target: "host" }];

function planOf(change: Partial<Forecasted> & { readonly names?: string } = {}): Forecasted {
  const hosts = [...(change.names ?? "abcd")].map((hostId) => ({ hostId, steps: RESTART }));
  return { hosts, ramp: [1], waves: null, reboot: NO_REBOOT, timing: { settleMs: 10_000 }, ...change };
}

function took(times: Readonly<Record<string, number>>, isRebooted = false): readonly Measured[] {
  return Object.entries(times).map(([hostId, ms]) => ({ hostId, isRebooted, ms }));
}

const TIMES = took({ a: 40, b: 10, c: 20, d: 30 });
const WAVE = { mode: "slide", after: [], bakeMs: 0 } as const;

describe("how long a rollout takes", () => {
  test.each<[string, Partial<Forecasted>, number]>([
    ["one at a time", {}, 100],
    ["all at once", { ramp: [4] }, 40],
    ["a batch of one, then the rest", { ramp: [1, 3] }, 70],
    ["two at a time, the next when one has ended", { ramp: [2] }, 60],
    ["batches of two", { waves: [{ ...WAVE, name: "all", hostIds: [..."abcd"], ramp: [2], mode: "batch" }] }, 70],
    [
      "waves after one another, the first watched",
      {
        waves: [
          { ...WAVE, name: "x", hostIds: ["b"], ramp: [1], bakeMs: 500 },
          { ...WAVE, name: "y", hostIds: ["a", "c", "d"], ramp: [3], after: ["x"] },
        ],
      },
      550,
    ],
    [
      "waves beside one another",
      {
        waves: [
          { ...WAVE, name: "x", hostIds: ["a", "b"], ramp: [1] },
          { ...WAVE, name: "y", hostIds: ["c", "d"], ramp: [1] },
        ],
      },
      50,
    ],
    ["nothing to do", { hosts: [{ hostId: "a", steps: [] }] }, 0],
    [
      "reboots, of which one begins every ten seconds",
      { hosts: [..."abcd"].map((hostId) => ({ hostId, steps: REBOOT })), ramp: [4] },
      30_000,
    ],
  ])("%s", (_name, change, expected) => {
    expect(forecastOf(planOf(change), [...TIMES, ...took({ a: 1 }, true)]).totalMs).toBe(expected);
  });
});

test("each host by the longest of its last three times, else by the one in the middle of the others, longest first", () => {
  const measured = [
    ...took({ a: 1 }),
    ...took({ a: 9 }),
    ...took({ a: 5 }),
    ...took({ a: 99, b: 7 }),
    ...took({ b: 900 }, true),
  ];
  expect(forecastOf(planOf({ names: "abc" } as Partial<Forecasted>), measured).hosts).toEqual([
    { hostId: "a", ms: 9, basis: "measured" },
    { hostId: "b", ms: 7, basis: "measured" },
    { hostId: "c", ms: 7, basis: "like" },
  ]);
});

test("where nothing was measured it is a guess, with the time that units are watched and people are given", () => {
  const hosts = [
    { hostId: "a", steps: RESTART },
    { hostId: "b", steps: REBOOT },
  ];
  const reboot = { ...NO_REBOOT, delayMs: 60_000, settleMs: 30_000 };
  expect(forecastOf(planOf({ hosts, reboot }), []).hosts).toEqual([
    { hostId: "b", ms: 390_000, basis: "guess" },
    { hostId: "a", ms: 40_000, basis: "guess" },
  ]);
});

import { describe, expect, test } from "vitest";
import { fakeClock } from "../../../../test/fakes/clock.ts";
import type { Clock } from "../ports.ts";
import { Rest } from "./rest.ts";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

interface Day {
  /** Seconds at which something changes. */
  readonly changes?: readonly number[];
  /** From second to second a package manager holds its lock. */
  readonly locked?: readonly (readonly [number, number])[];
  /** A scan takes so many seconds. */
  readonly scan?: number;
  /** The kernel tells of changes; otherwise they are found by looking. */
  readonly hasBell?: boolean;
  readonly hours?: number;
}

/** Seconds at which a scan begins, on a day like this. */
async function scans({ changes = [], locked = [], scan = 0, hasBell = true, hours = 1 }: Day): Promise<number[]> {
  let now = 0;
  const stop = new AbortController();
  const until = (ms: number): void => {
    now = ms;
    if (now > hours * 60 * MINUTE) stop.abort(new Error("the day is over"));
    stop.signal.throwIfAborted();
  };
  const clock: Clock = { now: () => now, sinceBootMs: () => now, sleep: async (ms) => until(now + ms) };
  const rest = new Rest({
    reason: "package-change",
    clock,
    look: () => String(changes.filter((at) => at * SECOND <= now).length),
    isBusy: () => locked.some(([from, to]) => from * SECOND <= now && now < to * SECOND),
    wait: async (ms) => {
      const next = changes.map((at) => at * SECOND).filter((at) => at > now && at < now + ms);
      until(hasBell ? Math.min(now + ms, ...next) : now + ms);
    },
    quietMs: 30 * SECOND,
    longestMs: 10 * MINUTE,
    lookMs: MINUTE,
  });
  const begun: number[] = [];
  try {
    for (;;) {
      await rest.settled(stop.signal);
      begun.push(now / SECOND);
      until(now + scan * SECOND);
    }
  } catch (error) {
    if (!stop.signal.aborted) throw error;
  }
  return begun;
}

const every = (seconds: number, count: number) => Array.from({ length: count }, (_, index) => (index + 1) * seconds);

describe("a scan begins", () => {
  test.each<[string, Day, readonly number[]]>([
    ["never, when nothing changes", {}, []],
    ["never, when a package manager only holds its lock", { locked: [[10, 600]] }, []],
    ["half a minute after a change", { changes: [100] }, [130]],
    ["once for a hundred changes in a row", { changes: every(1, 100) }, [131]],
    ["once for packages that come half a minute apart, without one second of rest", { changes: every(29, 4) }, [147]],
    ["twice for changes with a rest between", { changes: [100, 200] }, [130, 230]],
    ["half a minute after the lock is free, however long it was held", { changes: [10], locked: [[5, 250]] }, [280]],
    [
      "once for an upgrade that lets go of its lock now and then",
      {
        changes: [10, 50, 90],
        locked: [
          [5, 40],
          [45, 80],
          [85, 120],
        ],
      },
      [150],
    ],
    ["ten minutes after the first change where changes have no end", { changes: every(10, 90) }, [610, 930]],
    [
      "every ten minutes while somebody leaves a package manager waiting for an answer, and when it has ended",
      { changes: [100], locked: [[100, 1500]] },
      [700, 1300, 1530],
    ],
    ["again for what changed while it went on", { changes: [100, 135], scan: 20 }, [130, 180]],
    ["within a minute and a half where the kernel tells of nothing", { changes: [61], hasBell: false }, [150]],
  ])("%s", async (_name, day, expected) => {
    const begun = await scans(day);
    expect(begun).toHaveLength(expected.length);
    // Until the host is at rest it looks every two seconds.
    for (const [index, at] of begun.entries()) expect(Math.abs(at - (expected[index] ?? 0))).toBeLessThanOrEqual(2);
  });

  test("by the first change, not at the start: what is there then belongs to the scan at the start", async () => {
    expect(await scans({ changes: [-5, 0] })).toEqual([]);
  });
});

test("a change is pending from the first look at it until the host is at rest", async () => {
  let state = "old";
  const clock = fakeClock();
  const rest = new Rest({
    ...{ reason: "package-change" as const, clock, look: () => state, isBusy: () => false },
    wait: (ms, signal) => clock.sleep(ms, signal),
    ...{ quietMs: 30 * SECOND, longestMs: 10 * MINUTE, lookMs: MINUTE },
  });
  expect(rest.isPending()).toBe(false);
  state = "new";
  const settled = rest.settled(new AbortController().signal);
  expect(rest.isPending()).toBe(true);
  await settled;
  expect(rest.isPending()).toBe(false);
});

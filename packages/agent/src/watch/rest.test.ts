import { describe, expect, test } from "vitest";
import { fakeClock } from "../../../../test/fakes/clock.ts";
import type { Clock } from "../ports.ts";
import { Rest } from "./rest.ts";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

interface Day {
  /** Seconds at which something changes. */
  readonly changes?: readonly number[];
  /** Seconds at which a package manager's hook says that there will be little more. */
  readonly touches?: readonly number[];
  /** Of the rest that is needed then. */
  readonly wokenQuiet?: number;
  /** From second to second a package manager holds its lock. */
  readonly locked?: readonly (readonly [number, number])[];
  /** A scan takes so many seconds. */
  readonly scan?: number;
  /** The kernel tells of changes; otherwise they are found by looking. */
  readonly hasBell?: boolean;
  readonly hours?: number;
}

/** Seconds at which a scan begins, on a day like this. */
async function scans(day: Day): Promise<number[]> {
  return (await watched(day)).begun;
}

/** `woken`: seconds at which it was told that a hook has woken the host. */
async function watched({
  changes = [],
  touches = [],
  wokenQuiet = 10,
  locked = [],
  scan = 0,
  hasBell = true,
  hours = 1,
}: Day) {
  let now = 0;
  const woken: number[] = [];
  const count = (seconds: readonly number[]) => String(seconds.filter((at) => at * SECOND <= now).length);
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
    look: () => count(changes),
    isBusy: () => locked.some(([from, to]) => from * SECOND <= now && now < to * SECOND),
    wait: async (ms) => {
      const next = [...changes, ...touches].map((at) => at * SECOND).filter((at) => at > now && at < now + ms);
      until(hasBell ? Math.min(now + ms, ...next) : now + ms);
    },
    quietMs: 30 * SECOND,
    longestMs: 10 * MINUTE,
    lookMs: MINUTE,
    hook: {
      look: () => count(touches),
      woken: () => woken.push(now / SECOND),
      ...{ quietMs: wokenQuiet * SECOND, longestMs: 2 * MINUTE, apartMs: MINUTE },
    },
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
  return { begun, woken };
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

describe("where a hook has said that there will be little more, a scan begins", () => {
  test.each<[string, Day, readonly number[]]>([
    ["ten seconds after it", { touches: [100] }, [110]],
    ["ten seconds after the last change", { changes: [100, 104], touches: [101] }, [114]],
    ["once for what it was said a thousand times of", { touches: every(0.01, 1000) }, [20]],
    ["not under a lock even where no rest is needed", { touches: [15], wokenQuiet: 0, locked: [[5, 250]] }, [250]],
    ["ten seconds after the lock is free", { changes: [10], touches: [15], locked: [[5, 250]] }, [260]],
    [
      "once for packages that are installed one by one, each under a lock of its own",
      {
        touches: [10, 20, 30],
        locked: [
          [5, 12],
          [14, 22],
          [24, 32],
        ],
      },
      [42],
    ],
    ["two minutes after the first where it is said without an end", { touches: every(5, 40) }, [125, 210]],
    ["once a minute at most", { touches: every(20, 8) }, [30, 90, 150, 210]],
    ["as without it for changes after that", { changes: [100], touches: [40] }, [50, 130]],
    [
      "every ten minutes while a package manager waits for an answer, and when it has ended",
      { changes: [100], touches: [100], locked: [[100, 1500]] },
      [700, 1300, 1530],
    ],
    ["again for what was said while it went on", { touches: [100, 115], scan: 20 }, [110, 170]],
    ["within a minute and a quarter where the kernel tells of nothing", { touches: [61], hasBell: false }, [130]],
  ])("%s", async (_name, day, expected) => {
    const begun = await scans(day);
    expect(begun).toHaveLength(expected.length);
    for (const [index, at] of begun.entries()) expect(Math.abs(at - (expected[index] ?? 0))).toBeLessThanOrEqual(2);
  });

  test("and it is told once for each", async () => {
    const { begun, woken } = await watched({ touches: [...every(0.01, 1000), 200] });
    expect(begun).toHaveLength(2);
    expect(woken).toHaveLength(2);
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

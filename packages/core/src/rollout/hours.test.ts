import fc from "fast-check";
import { expect, test } from "vitest";
import { WEEKDAYS } from "../policy/agent-file.ts";
import type { WindowSpec } from "../rollout-file/spec.ts";
import { closedAt } from "./hours.ts";

const MINUTE = 60_000;
const HOUR = 3_600_000;
const NIGHT: WindowSpec = {
  days: ["sat"],
  startMinute: 22 * 60,
  durationMs: 4 * HOUR,
  tz: "Europe/Paris",
  lastStartMs: null,
};
/** Saturday 2026-11-28 in Paris, which is an hour before UTC. */
const at = (hours: number, minutes = 0) => Date.UTC(2026, 10, 28, hours - 1, minutes);
const XMAS = { from: at(22, 30), until: at(23), reason: "holidays" };

test.each<[string, Parameters<typeof closedAt>, string | null]>([
  ["no window: always", [{ windows: [], freeze: [] }, at(12), 0], null],
  [
    "before it opens",
    [{ windows: [NIGHT], freeze: [] }, at(21, 59), 0],
    "outside of every window; the next one opens sat 2026-11-28 22:00 Europe/Paris",
  ],
  ["as it opens", [{ windows: [NIGHT], freeze: [] }, at(22), 10 * MINUTE], null],
  ["over midnight", [{ windows: [NIGHT], freeze: [] }, at(25), 10 * MINUTE], null],
  [
    "too late for a host to end in it",
    [{ windows: [NIGHT], freeze: [] }, at(25, 51), 10 * MINUTE],
    "closes sun 2026-11-29 02:00 Europe/Paris, and none begins in its last 10m",
  ],
  ["just in time", [{ windows: [NIGHT], freeze: [] }, at(25, 50), 10 * MINUTE], null],
  [
    "a last start of its own",
    [{ windows: [{ ...NIGHT, lastStartMs: HOUR }], freeze: [] }, at(25, 1), 0],
    "in its last 1h",
  ],
  ["as it closes", [{ windows: [NIGHT], freeze: [] }, at(26), 0], "outside of every window"],
  [
    "hosts take longer than the window: one begins as it opens",
    [{ windows: [NIGHT], freeze: [] }, at(22), 9 * HOUR],
    null,
  ],
  ["and for ten minutes after", [{ windows: [NIGHT], freeze: [] }, at(22, 10), 9 * HOUR], null],
  ["but not later", [{ windows: [NIGHT], freeze: [] }, at(22, 11), 9 * HOUR], "none begins in its last 230m"],
  [
    "a host that would run into a freeze",
    [{ windows: [], freeze: [XMAS] }, at(22, 21), 10 * MINUTE],
    "a freeze begins sat 2026-11-28 21:30 UTC, and a host takes 10m",
  ],
  ["one that would not", [{ windows: [], freeze: [XMAS] }, at(22, 20), 10 * MINUTE], null],
  [
    "a freeze beats a window",
    [{ windows: [NIGHT], freeze: [XMAS] }, at(22, 45), 0],
    "freeze until sat 2026-11-28 22:00 UTC (holidays)",
  ],
  ["when it is over", [{ windows: [NIGHT], freeze: [XMAS] }, at(23), 0], null],
  ["another window is open", [{ windows: [{ ...NIGHT, days: ["mon"] }, NIGHT], freeze: [] }, at(23), 0], null],
])("%s", (_name, args, why) => {
  expect(closedAt(...args)?.why ?? null).toEqual(why === null ? null : expect.stringContaining(why));
});

test("it is open when it is said to open", () => {
  const window = fc.record({
    days: fc.uniqueArray(fc.constantFrom(...WEEKDAYS), { minLength: 1 }),
    startMinute: fc.integer({ min: 0, max: 1439 }),
    durationMs: fc.integer({ min: MINUTE, max: 24 * HOUR }),
    tz: fc.constantFrom("UTC", "Europe/Paris", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"),
    lastStartMs: fc.constant(null),
  });
  const now = fc.integer({ min: Date.UTC(2026, 0), max: Date.UTC(2028, 0) });
  fc.assert(
    fc.property(fc.array(window, { minLength: 1, maxLength: 3 }), now, fc.nat(2 * HOUR), (windows, when, hostMs) => {
      const closed = closedAt({ windows, freeze: [] }, when, hostMs);
      if (closed?.opensAt === undefined || closed.opensAt === null) return;
      expect(closed.opensAt).toBeGreaterThan(when);
      expect(closedAt({ windows, freeze: [] }, closed.opensAt, hostMs)).toBeNull();
    }),
  );
});

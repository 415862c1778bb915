import { expect, test } from "vitest";
import { scheduleOf } from "./schedule.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** The zone's own noon of a day without a change of the clocks. */
const NOON = new Date(2026, 5, 10, 12, 0, 0).getTime();

test.each<[string, string, number, number]>([
  ["at the next turn at the earliest", "30 * * * *", 0, 30 * MINUTE_MS],
  ["up to a tenth of the time between two turns later", "30 * * * *", 1, 36 * MINUTE_MS],
  ["never more than ten minutes later", "0 0 * * *", 1, 12 * HOUR_MS + 10 * MINUTE_MS],
  ["half of the jitter", "*/10 * * * *", 0.5, 10 * MINUTE_MS + MINUTE_MS / 2],
])("a cron expression is followed %s", (_name, cron, jitter, expected) => {
  expect(scheduleOf({ kind: "cron", cron })(NOON, jitter)).toBe(expected);
});

test("an interval is followed a tenth earlier to a tenth later", () => {
  const schedule = scheduleOf({ kind: "every", everyMs: HOUR_MS });
  expect([schedule(NOON, 0), schedule(NOON, 0.5)]).toEqual([54 * MINUTE_MS, HOUR_MS]);
});

import { expect, test } from "vitest";
import type { WindowSpec } from "../rollout-file/spec.ts";
import { openingsOf } from "./openings.ts";

const HOUR = 3_600_000;
const WEEK = 7 * 24 * HOUR;
const NIGHT: WindowSpec = {
  days: ["sat"],
  startMinute: 22 * 60,
  durationMs: 4 * HOUR,
  tz: "Europe/Paris",
  lastStartMs: null,
};
/** Saturday 2026-11-28 in Paris, which is an hour before UTC. */
const at = (hours: number, minutes = 0) => Date.UTC(2026, 10, 28, hours - 1, minutes);
const XMAS = { from: at(23), until: at(24), reason: "holidays" };
const GUESS = 5 * 60_000;

test("the opening that is now comes first, then those of the weeks after it", () => {
  const { closed, openUntil, next } = openingsOf({ windows: [NIGHT], freeze: [] }, at(23), GUESS, 3);
  expect([closed, openUntil]).toEqual([null, at(26)]);
  expect(next.map(({ from, until }) => [from, until])).toEqual([
    [at(22), at(26)],
    [at(22) + WEEK, at(26) + WEEK],
    [at(22) + 2 * WEEK, at(26) + 2 * WEEK],
  ]);
});

test("clocks that are set forward move an opening in UTC and not in its zone", () => {
  const spring = Date.UTC(2027, 2, 27, 12); // the night of the change
  const { next } = openingsOf({ windows: [NIGHT], freeze: [] }, spring, GUESS, 2);
  expect(next.map(({ from }) => from)).toEqual([Date.UTC(2027, 2, 27, 21), Date.UTC(2027, 3, 3, 20)]);
});

test("two windows are told in the order in which they open", () => {
  const day: WindowSpec = { ...NIGHT, days: ["sun"], startMinute: 10 * 60, tz: "UTC", lastStartMs: HOUR };
  const { closed, next } = openingsOf({ windows: [day, NIGHT], freeze: [] }, at(12), GUESS, 2);
  expect(closed).toContain("outside of every window");
  expect(next.map(({ tz, lastStart }) => [tz, lastStart])).toEqual([
    ["Europe/Paris", null],
    ["UTC", Date.UTC(2026, 10, 29, 13)],
  ]);
});

test.each<[string, number, string | null, number | null]>([
  ["before the freeze: open until it", at(22, 30), null, at(23)],
  ["in it", at(23, 30), "freeze until sat 2026-11-28 23:00 UTC (holidays)", null],
  ["after it: open until the end", at(24, 30), null, at(26)],
])("a freeze that cuts into a window, %s", (_name, now, closed, openUntil) => {
  const found = openingsOf({ windows: [NIGHT], freeze: [XMAS] }, now, GUESS, 2);
  expect([found.closed, found.openUntil]).toEqual([closed, openUntil]);
  expect(found.next.map(({ cutBy }) => cutBy)).toEqual([[XMAS], []]);
});

test("without a window it is open, until a freeze", () => {
  const always = { windows: [], freeze: [] };
  expect(openingsOf(always, at(12), GUESS, 5)).toEqual({ closed: null, openUntil: null, next: [] });
  expect(openingsOf({ ...always, freeze: [XMAS] }, at(12), GUESS, 5).openUntil).toBe(at(23));
});

import { describe, expect, test } from "vitest";
import { WEEKDAYS } from "./agent-file.ts";
import type { Window } from "./types.ts";
import { instantText, isOpen, nextOpening, outsideOfWindows } from "./window.ts";
import { dateText, dayOf, isTimeZone, weekdayOf, zoneOf } from "./zone.ts";

const at = (text: string) => Date.parse(text);
const HOUR_MS = 3_600_000;

function window(start: string, hours: number, tz = "UTC", days: Window["days"] = WEEKDAYS): Window {
  const [hour = 0, minute = 0] = start.split(":").map(Number);
  return { days, startMinute: hour * 60 + minute, durationMs: hours * HOUR_MS, tz };
}

describe("a window is open", () => {
  test.each<[string, Window, string, boolean]>([
    ["at the minute it opens", window("22:00", 4), "2026-11-28T22:00:00Z", true],
    ["not a second before", window("22:00", 4), "2026-11-28T21:59:59Z", false],
    ["past midnight", window("22:00", 4), "2026-11-29T01:59:59Z", true],
    ["not at its end", window("22:00", 4), "2026-11-29T02:00:00Z", false],
    ["on the day it opens", window("22:00", 4, "UTC", ["sat"]), "2026-11-28T23:00:00Z", true],
    ["on the morning after that day", window("22:00", 4, "UTC", ["sat"]), "2026-11-29T01:00:00Z", true],
    ["not on the morning of that day", window("22:00", 4, "UTC", ["sat"]), "2026-11-28T01:00:00Z", false],
    ["for several days", window("18:00", 60, "UTC", ["fri"]), "2026-11-30T05:59:00Z", true],
    ["by the clocks of its zone", window("03:00", 1, "Asia/Tokyo"), "2026-11-27T18:30:00Z", true],
    ["on the weekday of its zone", window("03:00", 1, "Asia/Tokyo", ["sat"]), "2026-11-27T18:30:00Z", true],
    ["by summer time", window("22:00", 1, "Europe/Paris"), "2026-07-01T20:30:00Z", true],
    ["by winter time", window("22:00", 1, "Europe/Paris"), "2026-12-01T20:30:00Z", false],
    // 2026-03-29, 02:00 to 03:00 does not exist in Paris: it opens at 03:00, 01:00 UTC.
    [
      "from the next minute there is, where the clocks skip its start",
      window("02:30", 1, "Europe/Paris"),
      "2026-03-29T01:00:00Z",
      true,
    ],
    ["for its whole length then", window("02:30", 1, "Europe/Paris"), "2026-03-29T01:59:59Z", true],
    ["no longer then", window("02:30", 1, "Europe/Paris"), "2026-03-29T02:00:00Z", false],
    // 2026-10-25, 02:00 to 03:00 comes twice in Paris: 00:30 UTC and 01:30 UTC are both 02:30.
    ["at the first of two starts", window("02:30", 0.5, "Europe/Paris"), "2026-10-25T00:45:00Z", true],
    ["not at the second", window("02:30", 0.5, "Europe/Paris"), "2026-10-25T01:45:00Z", false],
    [
      "as long by the clock on the wall as by any other",
      window("01:00", 3, "Europe/Paris"),
      "2026-10-25T01:59:00Z",
      true,
    ],
    ["in half-hour steps of the clocks", window("02:00", 1, "Australia/Lord_Howe"), "2026-04-04T15:45:00Z", true],
  ])("%s", (_name, given, now, expected) => expect(isOpen(given, at(now))).toBe(expected));
});

describe("a window opens next", () => {
  test.each<[string, Window, string, string]>([
    ["later today", window("22:00", 4), "2026-11-28T12:00:00Z", "2026-11-28T22:00:00Z"],
    ["tomorrow", window("22:00", 4), "2026-11-28T22:00:00Z", "2026-11-29T22:00:00Z"],
    ["in a week", window("22:00", 1, "UTC", ["sat"]), "2026-11-28T22:00:00Z", "2026-12-05T22:00:00Z"],
    [
      "after the clocks were set forward",
      window("02:30", 1, "Europe/Paris"),
      "2026-03-28T12:00:00Z",
      "2026-03-29T01:00:00Z",
    ],
    ["over new year", window("00:00", 1, "America/New_York", ["fri"]), "2026-12-31T12:00:00Z", "2027-01-01T05:00:00Z"],
  ])("%s", (_name, given, now, expected) => expect(nextOpening(given, at(now))).toBe(at(expected)));
});

test("outside of every window the sentence says when the next one opens", () => {
  const windows = [window("22:00", 4, "Europe/Paris", ["sat", "sun"]), window("03:30", 1.5, "UTC", ["mon"])];
  expect(outsideOfWindows(windows, at("2026-11-29T12:00:00Z"))).toBe(
    "it is sun 2026-11-29 13:00 Europe/Paris, outside of every window (windows); the next one opens sun 2026-11-29 22:00 Europe/Paris",
  );
  expect(outsideOfWindows(windows, at("2026-11-29T21:30:00Z"))).toBeNull();
  expect(outsideOfWindows([], 0)).toBeNull();
});

test("dates are those of the calendar", () => {
  for (let day = dayOf(1999, 12, 25); day < dayOf(2030, 1, 5); day++) {
    const date = new Date(day * 86_400_000);
    expect(dateText(day)).toBe(date.toISOString().slice(0, 10));
    expect(dayOf(date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate())).toBe(day);
    expect(weekdayOf(day)).toBe((date.getUTCDay() + 6) % 7);
  }
});

test("every hour around a change of the clocks comes back from the clocks that show it, but for the second of two", () => {
  for (const tz of [
    "Europe/Paris",
    "America/New_York",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "Pacific/Apia",
    "UTC",
  ]) {
    const zone = zoneOf(tz);
    for (let hour = 0; hour < 2 * 40 * 24; hour += 1) {
      const from = hour < 40 * 24 ? at("2026-03-02T00:00:00Z") : at("2026-08-20T00:00:00Z");
      const instant = from + hour * HOUR_MS;
      const back = zone.instantOf(zone.localTime(instant));
      expect([instant, instant - HOUR_MS / 2, instant - HOUR_MS]).toContain(back);
      expect(zone.localTime(back)).toEqual(zone.localTime(instant));
    }
  }
});

test.each([
  ["Europe/Paris", true],
  ["UTC", true],
  ["europe/paris", true],
  ["Europe/Pariss", false],
  ["+02:00", false],
  ["", false],
  ["local", false],
])("%s is a time zone: %s", (tz, expected) => expect(isTimeZone(tz)).toBe(expected));

test("an instant is shown by the clocks of a zone", () => {
  expect(instantText(at("2026-11-28T21:05:59Z"), "Asia/Kolkata")).toBe("sun 2026-11-29 02:35 Asia/Kolkata");
});

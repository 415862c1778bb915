import { expect, test } from "vitest";
import { formatDuration, parseDuration } from "./duration.ts";

test.each([
  ["90s", 90_000],
  ["5m", 300_000],
  ["2h", 7_200_000],
  ["7d", 604_800_000],
  ["0s", 0],
])("%s is %d ms", (text, ms) => expect(parseDuration(text)).toBe(ms));

test.each(["", "5", "5 m", "-5m", "1.5h", "5M", "m", "1h30m", "9999d", "1e3s", "toString"])("%j is refused", (text) =>
  expect(() => parseDuration(text)).toThrow(`'${text}'`),
);

test.each([
  [90_000, "90s"],
  [300_000, "5m"],
  [86_400_000, "1d"],
  [0, "0s"],
  [1500, "1.5s"],
])("%d ms is written %s", (ms, text) => expect(formatDuration(ms)).toBe(text));

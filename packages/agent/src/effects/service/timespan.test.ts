import fc from "fast-check";
import { expect, test } from "vitest";
import { expectQuick, hostile } from "../../../../../test/fakes/hostile.ts";
import { timespanMs } from "./timespan.ts";

test("a time span of systemctl is read, anything else is null", () => {
  fc.assert(
    fc.property(fc.nat(59), fc.nat(59), fc.nat(999), (minutes, seconds, ms) => {
      expect(timespanMs(`${minutes}min ${seconds}s ${ms}ms`)).toBe(minutes * 60_000 + seconds * 1000 + ms);
    }),
  );
  fc.assert(
    fc.property(hostile("1min 30s", "infinity", "0", "1.5s", "1month 2w"), (text) => {
      const ms = timespanMs(text);
      expect(ms === null || ms >= 0).toBe(true);
    }),
  );
  expectQuick(timespanMs, ["1", "1s ", " ", "1.", "a", "1."]);
}, 60_000);

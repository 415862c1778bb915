import { expect, test } from "vitest";
import { parseRamp, resolveRamp } from "./ramp.ts";

test.each<[string, number, readonly number[]]>([
  ["", 10, [1]],
  ["1", 10, [1]],
  ["1,25%", 10, [1, 2]],
  ["1, 25%, 100%", 200, [1, 50, 200]],
  ["10%", 9, [1]],
  ["33%", 100, [33]],
  ["50%", 0, [1]],
  ["5", 2, [5]],
])("%s of %i hosts is %j", (text, hosts, expected) => {
  const parsed = parseRamp(text);
  expect(parsed.kind === "ramp" && resolveRamp(parsed.ramp, hosts)).toEqual(expected);
});

test.each([
  ["0", /no host at all/],
  ["0%", /no host at all/],
  ["1,0%", /no host at all/],
  ["101%", /more than all hosts/],
  ["-1", /not a batch size/],
  ["1.5", /not a batch size/],
  ["25 %", /not a batch size/],
  ["1,,2", /is empty/],
  ["1,", /is empty/],
  ["many", /not a batch size/],
  ["9999999", /more than 1000000/],
])("%s is refused", (text, why) =>
  expect(parseRamp(text)).toMatchObject({ kind: "invalid", why: expect.stringMatching(why) }),
);

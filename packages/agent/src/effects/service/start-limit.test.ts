import { expect, test } from "vitest";
import { startsIn } from "./start-limit.ts";

test("each invocation is one start, at its first message; what is no entry is passed over", () => {
  const entry = (at: number, ids: object) => JSON.stringify({ __MONOTONIC_TIMESTAMP: String(at * 1000), ...ids });
  const text = [
    entry(100, { INVOCATION_ID: "a" }),
    entry(150, { INVOCATION_ID: "a" }),
    entry(300, { INVOCATION_ID: "b" }),
    entry(400, { INVOCATION_ID: "user manager's", USER_INVOCATION_ID: "c" }),
    entry(500, {}),
    "null",
    entry(600, { INVOCATION_ID: "d" }).slice(0, 20),
    "",
  ].join("\n");
  expect(startsIn(text)).toEqual([100, 300, 400]);
  expect(startsIn("")).toEqual([]);
});

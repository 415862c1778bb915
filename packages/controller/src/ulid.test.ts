import { expect, test } from "vitest";
import { ulid } from "./ulid.ts";

test("the example of the specification, and the extremes", () => {
  expect(ulid(1_469_918_176_385, new Uint8Array(10))).toBe("01ARYZ6S410000000000000000");
  expect(ulid(2 ** 48 - 1, new Uint8Array(10).fill(255))).toBe("7ZZZZZZZZZZZZZZZZZZZZZZZZZ");
});

test("later ones sort behind earlier ones, and no two are alike", () => {
  expect(ulid(1000) < ulid(1001)).toBe(true);
  expect(ulid(1000)).not.toBe(ulid(1000));
});

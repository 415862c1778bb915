import { expect, test } from "vitest";
import { Bucket, Rates } from "./rates.ts";

test("a burst at once, then so many a second; what is saved up is never more than a burst", () => {
  const bucket = new Bucket({ perSecond: 10, burst: 3 }, 0);
  const taken = (now: number, times: number) =>
    Array.from({ length: times }, () => bucket.takeNow(now)).filter(Boolean).length;
  expect([taken(0, 5), taken(50, 5), taken(100, 5), taken(1_100, 20), taken(1_100, 1)]).toEqual([3, 0, 1, 3, 0]);
  expect(taken(50, 5)).toBe(0); // a clock that goes back gives nothing
});

test("who waits is told for how long, one after the other", () => {
  const bucket = new Bucket({ perSecond: 10, burst: 2 }, 0);
  expect([0, 0, 0, 0].map((now) => bucket.take(now))).toEqual([0, 0, 100, 200]);
  expect(bucket.take(200)).toBe(100);
});

test("peers do not take from each other, and those that are quiet are forgotten", () => {
  const rates = new Rates({ perSecond: 1, burst: 1 });
  expect([rates.allows("a", 0), rates.allows("a", 0), rates.allows("b", 0)]).toEqual([true, false, true]);
  for (let nth = 0; nth < 30_000; nth++) expect(rates.allows(`x${nth}`, nth)).toBe(true);
  expect(rates.allows("a", 30_000)).toBe(true);
});

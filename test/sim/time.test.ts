import { expect, test } from "vitest";
import { seeded } from "./random.ts";
import { VirtualTime } from "./time.ts";

test("what is due runs by its time, then in the order in which it was asked for, and cancelled it never runs", async () => {
  const random = seeded(7);
  const time = new VirtualTime(0);
  const due = Array.from({ length: 500 }, (_, n) => ({ n, at: Math.floor(random() * 40), isKept: random() < 0.7 }));
  const ran: number[] = [];
  for (const { n, at, isKept } of due) {
    const cancel = time.after(at, () => ran.push(n));
    if (!isKept) cancel();
  }
  await time.run(() => false, 100);
  const kept = due.filter(({ isKept }) => isKept).toSorted((a, b) => a.at - b.at || a.n - b.n);
  expect(ran).toEqual(kept.map(({ n }) => n));
});

test("nothing runs after the limit, and the clock stands at what ran last", async () => {
  const time = new VirtualTime(0);
  const ran: number[] = [];
  for (const at of [30, 10, 20]) time.after(at, () => ran.push(at));
  expect(await time.run(() => false, 20)).toBe(false);
  expect([ran, time.now()]).toEqual([[10, 20], 20]);
});

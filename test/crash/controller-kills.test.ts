import { expect, test } from "vitest";
import { killController } from "./controller-kills.ts";

// The short form of `npm run test:crash -- --controller-kills N`.

test("the controller killed 200 times among rollouts and orders: nothing that was answered is lost, nothing happens twice", async () => {
  const { complaints, kills, acknowledged, rollouts, effects } = await killController(200, 1);
  expect(complaints).toEqual([]);
  expect(kills).toBe(200);
  expect(acknowledged).toBeGreaterThan(kills);
  expect(rollouts).toBeGreaterThan(2);
  expect(effects).toBeGreaterThan(2 * rollouts);
}, 500_000);

import type { StepRef } from "@afterpatch/core/rollout/types";
import { expect, test } from "vitest";
import type { Machine } from "../ports.ts";
import { UserTime, withUserTime } from "./user-time.ts";

const MINUTE = 60_000;

/** Units of users as `alice 2m`, one after the other, each of which takes that long. Who was begun, by how much is left then. */
function carriedOut(...units: readonly (readonly [uid: number, minutes: number])[]) {
  let now = 0;
  const time = new UserTime(() => now);
  const machine = {
    evidence: async () => ({}),
    async perform({ target }: StepRef) {
      const [, minutes = 0] = units[Number(target.slice(target.lastIndexOf("/") + 1))] ?? [];
      now += Math.min(minutes * MINUTE, time.leftFor(target)); // it waits for as long as it is given
      return minutes > 3 ? { outcome: "failed", detail: "it hangs" } : { outcome: "done", detail: "" };
    },
    happened: async () => "yes",
    settled: async () => null,
  } satisfies Pick<Machine, "evidence" | "perform" | "happened" | "settled">;
  const bounded = withUserTime(machine, time);
  const step = (at: number): StepRef => {
    const uid = units[at]?.[0] ?? 0;
    return { kind: "restart-service", target: uid === 0 ? `host/${at}` : `user@${uid}.service/${at}` };
  };
  const options = { graceMs: 0, signal: new AbortController().signal };
  return {
    minutes: () => now / MINUTE,
    begin: async (at: number, op = "op-1") => {
      const before = await bounded.evidence(step(at), op).catch((error: Error) => error);
      return before instanceof Error ? before.message : (await bounded.perform(step(at), before, options)).detail;
    },
    settled: (at: number) => bounded.settled(step(at), {}),
  };
}

const ALICE = "units of uid 1000 may hold up one order for 3m, and have done so";
const ALL = "units of users may hold up one order for 10m, and have done so";

test("a unit that hangs takes what its user is given, and says so; the user's others are not begun", async () => {
  const { begin, settled, minutes } = carriedOut([1000, 30], [1000, 0], [1001, 1]);
  expect(await begin(0)).toBe(`it hangs; ${ALICE}`);
  expect(await begin(1)).toBe(ALICE);
  expect(await settled(1)).toBe(ALICE);
  expect(await begin(2)).toBe("");
  expect(minutes()).toBe(4);
});

test("units that take their time, within what is given", async () => {
  const { begin, settled } = carriedOut([1000, 1], [1000, 1]);
  expect([await begin(0), await begin(1), await settled(0)]).toEqual(["", "", null]);
});

test("all users together are given less than the sum", async () => {
  const { begin, minutes } = carriedOut([1, 30], [2, 30], [3, 30], [4, 30], [5, 30]);
  for (const at of [0, 1, 2]) await begin(at);
  expect(await begin(3)).toBe(`it hangs; ${ALL}`);
  expect(await begin(4)).toBe(ALL);
  expect(minutes()).toBe(10);
});

test("units of the host are never counted", async () => {
  const { begin, minutes } = carriedOut([0, 3], [1, 30], [2, 30], [3, 30], [4, 30], [0, 2]);
  for (const at of [0, 1, 2, 3, 4]) await begin(at);
  expect(await begin(5)).toBe("");
  expect(minutes()).toBe(15);
});

test("each order begins anew", async () => {
  const { begin } = carriedOut([1000, 30], [1000, 1]);
  await begin(0, "op-1");
  expect(await begin(1, "op-2")).toBe("");
});

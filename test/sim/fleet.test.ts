import { describe, expect, test } from "vitest";
import { type FleetRun, runFleet } from "./fleet-run.ts";

const SEEDS = 60;

describe("rollouts of all shapes over one fleet", { timeout: 60_000 }, () => {
  const runs: FleetRun[] = [];
  const from = Number(process.env.SIM_SEED ?? 1);
  const count = process.env.SIM_SEED ? 1 : Number(process.env.SIM_SEEDS ?? SEEDS);
  test.each(Array.from({ length: count }, (_, i) => [from + i]))("keep every invariant, seed %i", async (seed) => {
    const result = await runFleet(seed);
    runs.push(result);
    expect(result.violations, `replay with SIM_SEED=${seed}`).toEqual([]);
  });

  test("the same seed gives the same run", async () => {
    expect(await runFleet(from)).toEqual(await runFleet(from));
  });

  test.skipIf(count < SEEDS)("the seeds together met what they are for", () => {
    const ends = runs.flatMap((one) => one.ends);
    expect(new Set(ends.map(({ state }) => state))).toEqual(new Set(["finished", "halted", "aborted"]));
    const hosts = new Set(ends.flatMap((end) => end.hosts));
    for (const state of ["done", "failed", "unreachable", "skipped", "written-off"]) expect(hosts).toContain(state);
    const types = new Set(runs.flatMap(({ log }) => log.flatMap((line) => /"type":"([a-z-]+)"/.exec(line)?.[1] ?? [])));
    for (const type of ["window-closed", "gate", "approved", "wave-ended", "paused", "resumed", "vetoed", "left"])
      expect(types).toContain(type);
    expect(runs.reduce((sum, one) => sum + one.refused, 0)).toBeGreaterThan(SEEDS / 20);
  });
});

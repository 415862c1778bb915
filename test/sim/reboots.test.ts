import { describe, expect, test } from "vitest";
import { type RebootsRun, runReboots } from "./reboots-run.ts";

const SEEDS = 200;

describe("rollouts that reboot hosts, under crashes, message loss and hosts that do not come back", {
  timeout: 60_000,
}, () => {
  const runs: RebootsRun[] = [];
  const from = Number(process.env.SIM_SEED ?? 1);
  const count = process.env.SIM_SEED ? 1 : Number(process.env.SIM_SEEDS ?? SEEDS);
  test.each(Array.from({ length: count }, (_, i) => [from + i]))("keep every invariant, seed %i", async (seed) => {
    const result = await runReboots(seed);
    runs.push(result);
    expect(result.wrong, `replay with SIM_SEED=${seed}`).toEqual([]);
  });

  test("the same seed gives the same run", async () => {
    expect(await runReboots(from)).toEqual(await runReboots(from));
  });

  test.skipIf(count < SEEDS)("the seeds together met what they are for", () => {
    const hosts = runs.flatMap((one) => one.views.flatMap((view) => view.hosts));
    const states = new Set(hosts.map(({ state }) => state));
    for (const state of ["done", "failed", "vetoed", "unreachable"] as const) expect(states).toContain(state);
    const reasons = runs.flatMap((one) => one.reasons).join("\n");
    for (const reason of [
      "wrong-kernel",
      "second-boot",
      "not-rebooted",
      "cancelled",
      "scheduled-shutdown",
      "units-failed",
      "findings-left",
      /not back \d+ min after its reboot began/,
    ]) {
      expect(reasons).toMatch(reason);
    }
    expect(runs.reduce((sum, one) => sum + one.boots, 0)).toBeGreaterThan(SEEDS);
    expect(runs.filter((one) => one.isOwnDone && one.controllerRuns > 1).length).toBeGreaterThan(SEEDS / 20);
    expect(runs.filter((one) => one.views.length > 1).length).toBeGreaterThan(SEEDS / 4);
  });
});

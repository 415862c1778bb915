import { describe, expect, test } from "vitest";
import { type PlainRun, runPlain } from "./plain-run.ts";

const SEEDS = 200;

describe("a rollout under crashes, message loss and reboots", { timeout: 60_000 }, () => {
  const runs: PlainRun[] = [];
  const from = Number(process.env.SIM_SEED ?? 1);
  const count = process.env.SIM_SEED ? 1 : Number(process.env.SIM_SEEDS ?? SEEDS);
  test.each(Array.from({ length: count }, (_, i) => [from + i]))("keeps every invariant, seed %i", async (seed) => {
    const result = await runPlain(seed);
    runs.push(result);
    expect(result.wrong, `replay with SIM_SEED=${seed}`).toEqual([]);
  });

  test("the same seed gives the same run", async () => {
    const again = await runPlain(from);
    expect(again).toEqual(await runPlain(from));
  });

  test.skipIf(count < SEEDS)("the seeds together met what they are for", () => {
    const states = new Set(runs.map((r) => r.view.state));
    expect([...states].sort()).toEqual(["aborted", "finished", "halted"]);
    expect(runs.filter((r) => r.controllerRuns > 1).length).toBeGreaterThan(SEEDS / 4);
    expect(runs.filter((r) => r.view.hosts.some((h) => h.permits > 1)).length).toBeGreaterThan(3);
    expect(runs.filter((r) => r.view.hosts.some((h) => h.state === "unreachable")).length).toBeGreaterThan(0);
    expect(runs.reduce((sum, r) => sum + r.effects, 0)).toBeGreaterThan(SEEDS);
    expect(runs.reduce((sum, r) => sum + r.oldEpochs, 0)).toBeGreaterThan(3);
    const vetoed = runs.filter((r) => r.vetoes > 0);
    expect(vetoed.filter((r) => r.view.hosts.some((h) => h.state === "vetoed")).length).toBeGreaterThan(3);
    expect(vetoed.filter((r) => r.view.hosts.some((h) => h.vetoes > 0 && h.state === "done")).length).toBeGreaterThan(
      3,
    );
  });
});

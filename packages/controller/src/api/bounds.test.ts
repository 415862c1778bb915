import type { StepResult } from "@afterpatch/core/rollout/types";
import { describe, expect, test } from "vitest";
import { ControllerBench } from "../../../../test/fakes/controller.ts";
import { CLEAN, permitOf, twoHosts } from "../../../../test/fakes/fleet.ts";
import { notDone, verified } from "../../../../test/fakes/reports.ts";

const LONG = "x".repeat(1_000_000);
const STEP: StepResult = {
  ...{ kind: LONG, target: LONG, outcome: "failed", evidence: LONG },
  ...{ startedAt: 2 ** 60, elapsedMs: 2 ** 60 },
};

describe("what a hostile host sends is cut, and the fleet can still be listed", () => {
  test.each([2 ** 53 + 2, 2 ** 60, 2 ** 64, -1])("scanned at %d", async (scannedAt) => {
    const bench = await ControllerBench.with(["evil", "web1"]);
    const run = await bench.start();
    const evil = await run.connect("evil");
    await run.says("evil", evil, { kind: "report", report: { ...CLEAN, scannedAt }, requestId: "" });
    const [first] = await bench.hosts.list();
    expect(first?.report?.scannedAt).toBe(scannedAt < 0 ? 0 : 8.64e15);
    expect(evil.heard.at(-1)).toMatchObject({ kind: "report-ack", sendBody: false });
  });

  test("long texts in a report and in Hello", async () => {
    const bench = await ControllerBench.with(["evil"]);
    const run = await bench.start();
    const evil = await run.connect("evil", [], LONG);
    const texts = { os: LONG, kernel: LONG, bootId: LONG, configError: LONG };
    await run.says("evil", evil, { kind: "report", report: { ...CLEAN, ...texts }, requestId: "" });
    expect(JSON.stringify(await bench.hosts.list()).length).toBeLessThan(3_000);
  });

  test("endless steps, residue and reasons of a permit", async () => {
    const { run, web1 } = await twoHosts();
    const steps = Array.from({ length: 20 }, () => STEP);
    await run.tells("web1", web1, { permitId: permitOf(web1), state: "acting", steps });
    const told = notDone(permitOf(web1), "failed", LONG);
    const residue = Array.from({ length: 10_000 }, () => "x");
    await run.tells("web1", web1, { ...told, steps, outcome: { ...told.outcome, message: LONG, residue } });
    const [host] = (await run.engine.view("r1")).hosts;
    expect(host).toMatchObject({ state: "failed" });
    expect(JSON.stringify(host).length).toBeLessThan(80_000);
    expect(new Date(host?.steps[0]?.startedAt ?? Number.NaN).toISOString()).toBe("+275760-09-13T00:00:00.000Z");
  });

  test("endless logs of failed steps: the last lines of some of them are kept", async () => {
    const { run, web1 } = await twoHosts();
    const journal = [...Array.from({ length: 1000 }, () => LONG), "last"];
    const steps = Array.from({ length: 30 }, () => ({ ...STEP, target: "x", evidence: "", journal }));
    await run.tells("web1", web1, { permitId: permitOf(web1), state: "acting", steps });
    const kept = (await run.engine.view("r1")).hosts[0]?.steps.flatMap((step) => step.journal ?? []) ?? [];
    expect(kept).toHaveLength(20 * 20);
    expect(kept.filter((line) => line === "last")).toHaveLength(20);
    expect(Math.max(...kept.map((line) => line.length))).toBe(500);
  });

  test("a proof is cut like a report", async () => {
    const { bench, run, web1 } = await twoHosts();
    await run.tells("web1", web1, verified(permitOf(web1), { ...CLEAN, scannedAt: 2 ** 60 }));
    expect((await bench.hosts.list())[0]?.report?.scannedAt).toBe(8.64e15);
  });
});

import { expect, test } from "vitest";
import { type ControllerRun, SILENT } from "../../../../test/fakes/controller.ts";
import { CLEAN, permitOf, states, twoHosts } from "../../../../test/fakes/fleet.ts";
import { notDone, verified } from "../../../../test/fakes/reports.ts";
import { budgetedPlan, rolloutPlan } from "../../../../test/fakes/rollout.ts";
import { writeOff } from "./charges.ts";

async function bench() {
  const two = await twoHosts(null);
  const off = (host: string, run: ControllerRun = two.run, why = "board is dead") =>
    writeOff({ hosts: two.bench.hosts, engine: run.engine, log: SILENT }, host, why, "ada");
  return { ...two, off };
}

test("a host that failed in a rollout that ended is charged no more, its log says so, and a later failure charges it anew", async () => {
  const { bench: store, run, web1, web2, off } = await bench();
  await run.engine.start(rolloutPlan({ id: "r1", hosts: ["web1"] }), "request-1");
  await run.tells("web1", web1, notDone(permitOf(web1), "failed", "step-failed"));
  const held = await run.engine.start(budgetedPlan("r2", "web2"), "request-2");
  expect([held.why.startsWith("budget (all)"), web2.permits()]).toEqual([true, []]);

  const written = await off("web1");
  expect(written).toMatchObject({ name: "web1", rollouts: ["r1"], was: [expect.stringContaining("rollout r1: ")] });
  expect(await states(run, "r1")).toBe("halted written-off");
  expect((await run.engine.view("r1")).hosts[0]?.reason).toContain(
    "written off by ada: board is dead; failed before: ",
  );
  expect((await store.store.load("r1"))?.events.at(-1)).toMatchObject({ type: "written-off", actor: "ada" });
  expect(await states(run, "r2")).toBe("running permitted");

  const next = await store.start();
  expect([[...next.engine.register().charges], [...next.engine.register().writeOffs.keys()]]).toEqual([[], ["web1"]]);
  await expect(off("web1", next)).rejects.toMatchObject({ code: "not-charged" });
  const again = await next.connect("web1");
  await next.engine.start(rolloutPlan({ id: "r3", hosts: ["web1"] }), "request-3");
  await next.tells("web1", again, notDone(permitOf(again), "failed", "step-failed"));
  expect([[...next.engine.register().charges.keys()], next.engine.register().writeOffs.size]).toEqual([["web1"], 0]);
});

test("a host that is away and written off keeps nobody waiting; once it has proved itself it is as any other", async () => {
  const { run, web1, web2, off } = await bench();
  await run.lose("web1", web1);
  await run.engine.start(budgetedPlan("r1", "web2"), "request-1");
  expect(web2.permits()).toEqual([]);
  expect(await off("web1")).toMatchObject({ rollouts: [], was: ["not connected"] });
  expect(await states(run)).toBe("running permitted");
  await run.tells("web2", web2, verified(permitOf(web2), CLEAN));
  const back = await run.connect("web1");
  await run.engine.start(rolloutPlan({ id: "r2", hosts: ["web1"] }), "request-2");
  await run.tells("web1", back, verified(permitOf(back), CLEAN));
  expect(run.engine.register().writeOffs.size).toBe(0);
});

test("in an open rollout it is expected no more, and its failure still counts", async () => {
  const { bench: store, run, web1, off } = await bench();
  await run.engine.start(rolloutPlan({ hosts: ["web1", "web2"], maxFail: 1 }), "request-1");
  await expect(off("web1")).rejects.toMatchObject({ code: "in-hand" });
  await run.lose("web1", web1);
  await off("web1");
  expect(await states(run)).toBe("running written-off permitted");
  expect((await store.store.charges()).length).toBe(0);
});

test("writing a failure off does not let a stop rule tolerate another one", async () => {
  const { run, web1, web2, off } = await bench();
  await run.engine.start(rolloutPlan({ hosts: ["web1", "web2"], maxFail: 1 }), "request-1");
  await run.tells("web1", web1, notDone(permitOf(web1), "failed", "step-failed"));
  await off("web1");
  await run.tells("web2", web2, notDone(permitOf(web2), "failed", "step-failed"));
  expect(await states(run)).toBe("halted written-off failed");
});

test("a host that waits for its turn and is away is left out of its rollout", async () => {
  const { run, web1, web2, off } = await bench();
  await run.engine.start(rolloutPlan({ hosts: ["web1", "web2"] }), "request-1");
  await run.lose("web2", web2);
  await off("web2");
  await run.tells("web1", web1, verified(permitOf(web1), CLEAN));
  expect(await states(run)).toBe("finished done written-off");
});

test.each([
  ["web1", "x", "not-charged"],
  ["all", "x", "bad-argument"],
  ["mail", "x", "selection-empty"],
  ["web1", "", "bad-argument"],
])("write off %s because '%s': %s", async (host, why, code) => {
  const { off, run } = await bench();
  await expect(off(host, run, why)).rejects.toMatchObject({ code });
});

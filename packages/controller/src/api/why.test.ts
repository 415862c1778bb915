import { expect, test } from "vitest";
import { SILENT } from "../../../../test/fakes/controller.ts";
import { CLEAN, permitOf, twoHosts } from "../../../../test/fakes/fleet.ts";
import { notDone, verified } from "../../../../test/fakes/reports.ts";
import { budgetedPlan, rolloutPlan } from "../../../../test/fakes/rollout.ts";
import { listEvents } from "./events.ts";
import { cordon, orderOf } from "./holds.ts";
import { writeOff } from "./charges.ts";
import { whyHost } from "./why.ts";

async function bench() {
  const two = await twoHosts(null);
  const { run } = two;
  const live = { hosts: two.bench.hosts, engine: run.engine, clock: run.clock, log: SILENT };
  const deps = { ...live, fleet: run.fleet, register: run.register };
  const why = async (host: string) =>
    (await whyHost(deps, host)).obstacles.map((one) => [one.rolloutId, one.kind, one.why, ...one.by]);
  return { ...two, deps, why };
}

test("a host that a budget holds back is told who takes its place", async () => {
  const { run, why } = await bench();
  await run.engine.start(rolloutPlan({ id: "r1", hosts: ["web1"] }), "request-1");
  await run.engine.start(budgetedPlan("r2", "web2"), "request-2");
  expect(await why("web2")).toEqual([
    ["r2", "budget", "budget (all): 1 of 2 unavailable, at most 1", "web1: in hand of rollout r1 (permitted)"],
  ]);
  expect(await why("web1")).toEqual([["r1", "in-hand", "it is in hand of rollout r1 (permitted), permitted 0s ago"]]);
});

test("outside of rollouts: which one left it how, and what would hold it back", async () => {
  const { run, web1, deps, why } = await bench();
  expect(await why("web1")).toEqual([["", "no-rollout", "no open rollout has work for it"]]);
  await run.engine.start(rolloutPlan({ id: "r1", hosts: ["web1"] }), "request-1");
  await run.tells("web1", web1, notDone(permitOf(web1), "failed", "step-failed"));
  await cordon(deps, "web1", orderOf({ reason: "disk", forMs: 0, untilAt: 0 }, "ada", run.clock));
  await run.lose("web1", web1);
  expect(await why("web1")).toEqual([
    ["r1", "no-rollout", "no open rollout has work for it; rollout r1 left it failed and is halted"],
    ["r1", "charge", expect.stringMatching(/^failed or lost in rollout r1: /)],
    ["", "away", "not connected"],
    ["", "cordon", "cordoned by ada: disk"],
  ]);
  await expect(whyHost(deps, "all")).rejects.toMatchObject({ code: "bad-argument" });
  await expect(whyHost(deps, "mail")).rejects.toMatchObject({ code: "selection-empty" });
});

test("a host in quarantine is told what to do about it, in a rollout and outside", async () => {
  const { bench: store, run, why } = await bench();
  await store.hosts.quarantine("web2", { actor: "controller", at: 1 }, { why: "two machines speak as this host" });
  const quarantined = ["", "quarantine", expect.stringMatching(/two machines .*'afterpatch hosts release'$/)];
  expect(await why("web2")).toEqual([quarantined, ["", "no-rollout", "no open rollout has work for it"]]);
  await run.engine.start(budgetedPlan("r2", "web2"), "request-2");
  expect((await why("web2"))[0]).toEqual(quarantined);
  expect((await why("web1"))[0]?.[1]).toBe("no-rollout");
});

test("the log of a rollout has each event with its host, its actor and its reason", async () => {
  const { bench: store, run, web1, deps } = await bench();
  await run.engine.start(rolloutPlan({ id: "r1", hosts: ["web1", "web2"], maxFail: 1 }), "request-1");
  await run.tells("web1", web1, notDone(permitOf(web1), "failed", "step-failed"));
  await writeOff(deps, "web1", "dead", "ada");
  const web2 = run.fleet.isConnected("web2");
  expect(web2).toBe(true);
  const { events } = await listEvents(store.store, "r1");
  expect(events.map(({ seq, type, host, actor }) => [seq, type, host, actor])).toEqual([
    [1, "started", "", ""],
    [2, "permitted", "web1", ""],
    [3, "ended", "web1", ""],
    [4, "permitted", "web2", ""],
    [5, "written-off", "web1", "ada"],
  ]);
  expect(events[2]).toMatchObject({ state: "failed", why: expect.stringContaining("step-failed") });
  await expect(listEvents(store.store, "r9")).rejects.toMatchObject({ code: "not-found" });
});

test("how long a rollout took is known when it has ended, also after a restart", async () => {
  const { bench: store, run, web1 } = await bench();
  await run.engine.start(rolloutPlan({ id: "r1", hosts: ["web1"] }), "request-1");
  expect((await run.engine.view("r1")).endedAt).toBeNull();
  await run.tells("web1", web1, verified(permitOf(web1), CLEAN));
  const next = await store.start();
  expect((await next.engine.view("r1")).endedAt).toBe(store.time.now());
});

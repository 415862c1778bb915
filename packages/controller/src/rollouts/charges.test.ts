import type { Budget } from "@afterpatch/core/rollout/budgets";
import type { RolloutPlan } from "@afterpatch/core/rollout/types";
import { expect, test } from "vitest";
import { CLEAN, NAMES, permitOf, states, twoHosts } from "../../../../test/fakes/fleet.ts";
import { notDone, verified } from "../../../../test/fakes/reports.ts";
import { rolloutPlan } from "../../../../test/fakes/rollout.ts";

const ONE: Budget = { name: "all", maxGroups: null, groups: [{ value: "", hostIds: NAMES, most: 1 }] };
const NO_MORE = "budget (all): 1 of 2 unavailable, at most 1";

/** A rollout of one host under a budget of one host over both. */
function budgeted(id: string, host: string): RolloutPlan {
  const wave = { name: "all", hostIds: [host], ramp: [1], mode: "slide", after: [] } as const;
  return {
    ...rolloutPlan({ id, hosts: [host] }),
    shape: {
      waves: [{ ...wave, bakeMs: 0, isApproved: false, leaderLast: null }],
      budgets: [ONE],
      hours: { windows: [], freeze: [] },
      maxFailPercent: null,
      progressDeadlineMs: null,
    },
  };
}

test("a host that failed is charged to the budgets of later rollouts until one of them proves it", async () => {
  const { bench, run, web1, web2 } = await twoHosts(null);
  await run.engine.start(rolloutPlan({ id: "r1", hosts: ["web1"] }), "request-1");
  await run.tells("web1", web1, notDone(permitOf(web1), "failed", "step-failed"));
  expect(await states(run)).toBe("halted failed");

  const held = await run.engine.start(budgeted("r2", "web2"), "request-2");
  expect([held.why, web2.permits()]).toEqual([NO_MORE, []]);

  const next = await bench.start(); // the register is in the store
  const again1 = await next.connect("web1");
  const again2 = await next.connect("web2");
  expect((await next.engine.view("r2")).why).toBe(NO_MORE);
  expect(await bench.store.charges()).toMatchObject([{ hostId: "web1", rolloutId: "r1" }]);

  await next.engine.start(budgeted("r3", "web1"), "request-3"); // it is charged already: taking it costs nothing more
  await next.tells("web1", again1, verified(permitOf(again1), CLEAN));
  expect(await states(next, "r3")).toBe("finished done");
  expect(await bench.store.charges()).toEqual([]);
  await next.tells("web2", again2, verified(permitOf(again2), CLEAN));
  expect(await states(next, "r2")).toBe("finished done");
});

test("a host that is away is charged for as long as it is", async () => {
  const { run, web1, web2 } = await twoHosts(null);
  await run.lose("web1", web1);
  const held = await run.engine.start(budgeted("r1", "web2"), "request-1");
  expect([held.why, web2.permits()]).toEqual([NO_MORE, []]);
  await run.connect("web1");
  expect(await states(run)).toBe("running permitted");
});

test("that nothing old is found on it is no proof that a host which failed is well again", async () => {
  const { bench, run, web1, web2 } = await twoHosts(null);
  await run.engine.start(rolloutPlan({ id: "r1", hosts: ["web1"] }), "request-1");
  await run.tells("web1", web1, notDone(permitOf(web1), "failed", "step-failed"));
  const idle = rolloutPlan({ id: "r2", hosts: ["web1"] });
  await run.engine.start({ ...idle, hosts: idle.hosts.map((host) => ({ ...host, steps: [] })) }, "request-2");
  expect(await states(run, "r2")).toBe("finished done");
  expect(await bench.store.charges()).toMatchObject([{ hostId: "web1", rolloutId: "r1" }]);
  const held = await run.engine.start(budgeted("r3", "web2"), "request-3");
  expect([held.why, web2.permits()]).toEqual([NO_MORE, []]);
});

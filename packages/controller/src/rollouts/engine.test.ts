import { abortOrder } from "./orders.ts";
import type { RolloutView } from "@afterpatch/core/rollout/types";
import { describe, expect, test } from "vitest";
import { ControllerBench } from "../../../../test/fakes/controller.ts";
import { CLEAN, NAMES, permitOf, states, twoHosts } from "../../../../test/fakes/fleet.ts";
import { underWay, verified } from "../../../../test/fakes/reports.ts";
import { rolloutPlan } from "../../../../test/fakes/rollout.ts";

describe("a request to start", () => {
  test("that is repeated returns what the first one made", async () => {
    const { run, web1 } = await twoHosts();
    const again = await run.engine.start(rolloutPlan({ id: "r2", hosts: NAMES }), "request-1");
    expect(again.plan.id).toBe("r1");
    expect(web1.permits()).toHaveLength(1);
    expect((await run.engine.recent(9)).map((view) => view.plan.id)).toEqual(["r1"]);
    expect((await run.engine.byRequest("request-1"))?.plan.id).toBe("r1");
    expect(await run.engine.byRequest("request-2")).toBeNull();
  });

  test("that is repeated to the next run of the controller returns it too", async () => {
    const { bench } = await twoHosts();
    const next = await bench.start();
    expect((await next.engine.start(rolloutPlan({ id: "r2", hosts: NAMES }), "request-1")).plan.id).toBe("r1");
  });

  test("for hosts that another rollout works on is refused and stores nothing", async () => {
    const { run } = await twoHosts();
    const order = rolloutPlan({ id: "r2", hosts: ["web2"] });
    await expect(run.engine.start(order, "request-2")).rejects.toMatchObject({
      code: "hosts-held",
      message: "web2: held by rollout r1 (DSA-6001)",
    });
    expect(await run.engine.byRequest("request-2")).toBeNull();
    await expect(run.engine.view("r2")).rejects.toMatchObject({ code: "not-found" });
  });

  test("for the same hosts is taken when they have nothing to do, or when the other has ended", async () => {
    const { run } = await twoHosts({ hosts: ["web1", "web2-clean"] });
    await run.engine.start(rolloutPlan({ id: "r2", hosts: ["web2-clean"] }), "request-2");
    expect(await states(run, "r2")).toBe("finished done-with-residue");
    await run.engine.order("r1", abortOrder("ops", "wrong fleet"));
    await expect(run.engine.start(rolloutPlan({ id: "r3", hosts: ["web1"] }), "request-3")).rejects.toThrow(/held/);
  });
});

describe("an abort", () => {
  test("permits nobody any more, waits for the host in hand, and is told by whom", async () => {
    const { run, web1, web2 } = await twoHosts();
    await run.engine.order("r1", abortOrder("ops", "wrong fleet"));
    expect(await states(run)).toBe("stopping permitted pending");
    await run.tells("web1", web1, verified(permitOf(web1), CLEAN));
    expect(await states(run)).toBe("aborted done pending");
    expect((await run.engine.view("r1")).why).toBe("aborted by ops: wrong fleet");
    expect(web2.permits()).toEqual([]);
  });

  test("of one that has ended is refused, and of an unknown one too", async () => {
    const { run } = await twoHosts({ hosts: ["a-clean"] });
    await expect(run.engine.order("r1", abortOrder("ops", "late"))).rejects.toMatchObject({ code: "already-ended" });
    await expect(run.engine.order("r7", abortOrder("ops", "typo"))).rejects.toMatchObject({ code: "not-found" });
  });

  test("asked for twice is stored once", async () => {
    const { run } = await twoHosts();
    const first = await run.engine.order("r1", abortOrder("ops", "wrong fleet"));
    expect((await run.engine.order("r1", abortOrder("eve", "me too"))).version).toBe(first.version);
  });
});

describe("a controller that was killed", () => {
  test("between storing a permit and sending it gives another one when the host says it has none", async () => {
    const { bench, run, web1 } = await twoHosts();
    const permit = permitOf(web1);
    const next = await bench.start();
    expect(next.epoch).toBe(run.epoch + 1);
    expect(await states(next)).toBe("running permitted pending");
    const again = await next.connect("web1");
    expect(again.heard).toMatchObject([{ kind: "permit", permit: { epoch: next.epoch, hostId: "web1" } }]);
    expect(again.permits()).not.toContain(permit);
  });

  test("goes on where it stood, permits nobody else meanwhile, and takes the end of the old permit", async () => {
    const { bench, web1 } = await twoHosts();
    const next = await bench.start();
    const two = await next.connect("web2");
    expect(two.permits()).toEqual([]);
    const one = await next.connect("web1", [underWay(permitOf(web1), "verifying")]);
    await next.tells("web1", one, verified(permitOf(web1), CLEAN));
    expect(await states(next)).toBe("running done permitted");
    expect(two.permits()).toHaveLength(1);
  });

  test("for hours gives its hosts time to come back before it gives them up", async () => {
    const { bench, run, web1 } = await twoHosts();
    await run.engine.stop();
    await bench.time.run(() => false, 5 * 3_600_000);
    const next = await bench.start();
    expect(await states(next)).toBe("running permitted pending");
    const one = await next.connect("web1", [underWay(permitOf(web1), "verifying")]);
    await next.tells("web1", one, verified(permitOf(web1), CLEAN));
    expect(await states(next)).toBe("running done pending");
  });

  test("after the last host ended closes the rollout on its own", async () => {
    const { bench, web1 } = await twoHosts({ hosts: ["web1"] });
    const store = bench.store;
    let isDying = false;
    bench.store = {
      ...store,
      append: (id, appended) =>
        isDying && appended.isClosing ? Promise.reject(new Error("killed")) : store.append(id, appended),
    };
    const doomed = await bench.start();
    const one = await doomed.connect("web1", [underWay(permitOf(web1))]);
    isDying = true;
    await expect(doomed.tells("web1", one, verified(permitOf(web1), CLEAN))).rejects.toThrow("killed");
    bench.store = store;
    expect(await states(await bench.start())).toBe("finished done");
  });
});

describe("the clock of the controller's machine", () => {
  const DAY_MS = 86_400_000;
  const MINUTE_MS = 60_000;
  const pass = (bench: ControllerBench, ms: number) => bench.time.run(() => false, ms);

  test("may step forward while a host acts: its deadline is elapsed time", async () => {
    const { bench, run, web1 } = await twoHosts();
    await run.tells("web1", web1, underWay(permitOf(web1)));
    bench.clockOff = DAY_MS;
    await pass(bench, 2 * MINUTE_MS);
    expect(await states(run)).toBe("running acting pending");
    await run.tells("web1", web1, verified(permitOf(web1), CLEAN));
    expect(await states(run)).toBe("running done permitted");
    expect((await run.engine.view("r1")).hosts[0]?.changedAt).toBe(bench.time.now() + DAY_MS);
  });

  test("may step forward while a host is away: it has been away for no longer", async () => {
    const { bench, run, web2 } = await twoHosts();
    await run.lose("web2", web2);
    bench.clockOff = DAY_MS;
    await pass(bench, MINUTE_MS);
    expect(await states(run)).toBe("running permitted pending");
  });

  test("may step back: a host that is silent is given up all the same", async () => {
    const { bench, run, web1 } = await twoHosts();
    await run.tells("web1", web1, underWay(permitOf(web1)));
    bench.clockOff = -DAY_MS;
    await pass(bench, 20 * MINUTE_MS);
    expect(await states(run)).toBe("halted unreachable pending");
  });

  test.each([
    ["back", -DAY_MS],
    ["forward", DAY_MS],
  ])("may have stepped %s before a permit: its deadline is as far away as ever", async (_name, clockOff) => {
    const { bench, run, web1 } = await twoHosts(null);
    bench.clockOff = clockOff;
    await run.engine.start(rolloutPlan({ hosts: NAMES }), "request-1");
    await run.tells("web1", web1, underWay(permitOf(web1)));
    await pass(bench, MINUTE_MS);
    expect(await states(run)).toBe("running acting pending");
    await pass(bench, 20 * MINUTE_MS);
    expect(await states(run)).toBe("halted unreachable pending");
  });

  test("may step back over a restart: no deadline is later than one that a permit could get now", async () => {
    const { bench, run, web1 } = await twoHosts();
    await run.tells("web1", web1, underWay(permitOf(web1)));
    bench.clockOff = -DAY_MS;
    const next = await bench.start();
    await pass(bench, 20 * MINUTE_MS);
    expect(await states(next)).toBe("halted unreachable unreachable");
  });

  test("may step forward over a restart: hosts get their time to come back", async () => {
    const { bench, run, web1 } = await twoHosts();
    await run.tells("web1", web1, underWay(permitOf(web1)));
    bench.clockOff = DAY_MS;
    const next = await bench.start();
    await pass(bench, MINUTE_MS);
    expect(await states(next)).toBe("running acting pending");
  });
});

test("one write that fails does not leave the engine asleep", async () => {
  const bench = await ControllerBench.with(NAMES);
  const { store } = bench;
  let failures = 0;
  bench.store = {
    ...store,
    append: (id, appended) => {
      if (appended.event.type !== "unreachable" || failures > 0) return store.append(id, appended);
      failures += 1;
      return Promise.reject(new Error("disk full"));
    },
  };
  const run = await bench.start();
  await run.engine.start(rolloutPlan({ hosts: ["web1"] }), "request-1");
  await bench.time.run(() => false, 10 * 60_000);
  expect([failures, await states(run)]).toEqual([1, "finished unreachable"]);
});

test("a stopped engine decides nothing any more", async () => {
  const { bench, run } = await twoHosts(null);
  await run.engine.stop();
  await run.engine.start(rolloutPlan({ hosts: NAMES }), "request-1");
  await bench.time.run(() => false, 3_600_000);
  expect(await states(run)).toBe("running pending pending");
});

test("watchers hear of each change and of what is waited for, until they leave", async () => {
  const { run, web1 } = await twoHosts();
  const heard: RolloutView[] = [];
  const leave = run.engine.watch("r1", (view) => heard.push(view));
  await run.tells("web1", web1, underWay(permitOf(web1)));
  await run.tells("web1", web1, verified(permitOf(web1), CLEAN));
  expect(heard.map((v) => `${v.hosts.map((h) => h.state).join(" ")}; ${v.why}`)).toEqual([
    "acting pending; 1 of 1 in hand: web1",
    "done pending; 1 of 1 in hand: web1",
    "done permitted; 1 of 1 in hand: web1",
    "done permitted; 1 of 1 in hand: web2",
  ]);
  leave();
  await run.engine.order("r1", abortOrder("ops", "enough"));
  expect(heard).toHaveLength(4);
});

test("rollouts are listed newest first", async () => {
  const { bench, run } = await twoHosts({ hosts: ["a-clean"] });
  await bench.time.run(() => false, 1_000);
  const plan = { ...rolloutPlan({ id: "r2", hosts: ["web1"] }), createdAt: bench.time.now() };
  await run.engine.start(plan, "request-2");
  const listed = await run.engine.recent(5);
  expect(listed.map((view) => `${view.plan.id} ${view.state}`)).toEqual(["r2 running", "r1 finished"]);
  expect(await run.engine.recent(1)).toHaveLength(1);
});

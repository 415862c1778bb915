import type { RolloutView } from "@afterpatch/core/rollout/types";
import { describe, expect, test } from "vitest";
import { ControllerBench, type ControllerRun, type FakeLink } from "../../../../test/fakes/controller.ts";
import { notDone, oldUnits, underWay, verified } from "../../../../test/fakes/reports.ts";
import { type RolloutOrder, rolloutPlan } from "../../../../test/fakes/rollout.ts";

const NAMES = ["web1", "web2"];
const CLEAN = await oldUnits();
const STILL_OLD = await oldUnits("ssh.service");

interface Fleet {
  readonly bench: ControllerBench;
  readonly run: ControllerRun;
  readonly web1: FakeLink;
  readonly web2: FakeLink;
}

/** A controller with two hosts connected and, where there is an order, a rollout over them. */
async function fleet(order: RolloutOrder | null = {}): Promise<Fleet> {
  const bench = await ControllerBench.with(NAMES);
  const run = await bench.start();
  const web1 = await run.connect("web1");
  const web2 = await run.connect("web2");
  if (order) await run.engine.start(rolloutPlan({ hosts: NAMES, ...order }), "request-1");
  return { bench, run, web1, web2 };
}

async function states(run: ControllerRun, id = "r1"): Promise<string> {
  const view = await run.engine.view(id);
  return [view.state, ...view.hosts.map((host) => host.state)].join(" ");
}

function permitOf(link: FakeLink): string {
  const permit = link.permits().at(-1);
  if (permit === undefined) throw new Error("this host was given no permit");
  return permit;
}

describe("a request to start", () => {
  test("that is repeated returns what the first one made", async () => {
    const { run, web1 } = await fleet();
    const again = await run.engine.start(rolloutPlan({ id: "r2", hosts: NAMES }), "request-1");
    expect(again.plan.id).toBe("r1");
    expect(web1.permits()).toHaveLength(1);
    expect((await run.engine.recent(9)).map((view) => view.plan.id)).toEqual(["r1"]);
    expect((await run.engine.byRequest("request-1"))?.plan.id).toBe("r1");
    expect(await run.engine.byRequest("request-2")).toBeNull();
  });

  test("that is repeated to the next run of the controller returns it too", async () => {
    const { bench } = await fleet();
    const next = await bench.start();
    expect((await next.engine.start(rolloutPlan({ id: "r2", hosts: NAMES }), "request-1")).plan.id).toBe("r1");
  });

  test("for hosts that another rollout works on is refused and stores nothing", async () => {
    const { run } = await fleet();
    const order = rolloutPlan({ id: "r2", hosts: ["web2"] });
    await expect(run.engine.start(order, "request-2")).rejects.toMatchObject({
      code: "hosts-held",
      message: "web2: held by rollout r1 (DSA-6001)",
    });
    expect(await run.engine.byRequest("request-2")).toBeNull();
    await expect(run.engine.view("r2")).rejects.toMatchObject({ code: "not-found" });
  });

  test("for the same hosts is taken when they have nothing to do, or when the other has ended", async () => {
    const { run } = await fleet({ hosts: ["web1", "web2-clean"] });
    await run.engine.start(rolloutPlan({ id: "r2", hosts: ["web2-clean"] }), "request-2");
    expect(await states(run, "r2")).toBe("finished done-with-residue");
    await run.engine.abort("r1", "ops", "wrong fleet");
    await expect(run.engine.start(rolloutPlan({ id: "r3", hosts: ["web1"] }), "request-3")).rejects.toThrow(/held/);
  });
});

describe("an abort", () => {
  test("permits nobody any more, waits for the host in hand, and is told by whom", async () => {
    const { run, web1, web2 } = await fleet();
    await run.engine.abort("r1", "ops", "wrong fleet");
    expect(await states(run)).toBe("stopping permitted pending");
    await run.tells("web1", web1, verified(permitOf(web1), CLEAN));
    expect(await states(run)).toBe("aborted done pending");
    expect((await run.engine.view("r1")).why).toBe("aborted by ops: wrong fleet");
    expect(web2.permits()).toEqual([]);
  });

  test("of one that has ended is refused, and of an unknown one too", async () => {
    const { run } = await fleet({ hosts: ["a-clean"] });
    await expect(run.engine.abort("r1", "ops", "late")).rejects.toMatchObject({ code: "already-ended" });
    await expect(run.engine.abort("r7", "ops", "typo")).rejects.toMatchObject({ code: "not-found" });
  });

  test("asked for twice is stored once", async () => {
    const { run } = await fleet();
    const first = await run.engine.abort("r1", "ops", "wrong fleet");
    expect((await run.engine.abort("r1", "eve", "me too")).version).toBe(first.version);
  });
});

describe("Hello", () => {
  test("without the permit voids it, and the host is permitted anew", async () => {
    const { run, web1 } = await fleet();
    await run.lose("web1", web1);
    const again = await run.connect("web1");
    expect(again.permits()).toHaveLength(1);
    expect(again.permits()).not.toEqual(web1.permits());
    expect((await run.engine.view("r1")).hosts[0]).toMatchObject({ state: "permitted", permits: 2 });
  });

  test("that lists the permit keeps it, whatever the stream", async () => {
    const { run, web1 } = await fleet();
    await run.lose("web1", web1);
    const again = await run.connect("web1", [underWay(permitOf(web1), "settling")]);
    expect(again.permits()).toEqual([]);
    expect(await states(run)).toBe("running settling pending");
  });

  test("after a new boot gets a permit for that boot", async () => {
    const { run, web1 } = await fleet();
    await run.lose("web1", web1);
    const again = await run.connect("web1", [], "b2");
    expect(again.heard).toMatchObject([{ kind: "permit", permit: { bootId: "b2" } }]);
  });

  test("no permit is given between a stream's opening and our reading of its Hello", async () => {
    const { run, web1 } = await fleet(null);
    await run.lose("web1", web1);
    run.fleet.attach("web1", web1);
    await run.engine.start(rolloutPlan({ hosts: ["web1"] }), "request-1");
    expect(web1.permits()).toEqual([]);
    const old = underWay("permit-of-before");
    await run.says("web1", web1, { kind: "hello", agentVersion: "1", bootId: "b1", epoch: run.epoch, permits: [old] });
    expect(web1.permits()).toHaveLength(1);
  });

  test("on a stream that a newer one replaced does nothing", async () => {
    const { run, web1 } = await fleet(null);
    const newer = await run.connect("web1");
    await run.engine.start(rolloutPlan({ hosts: ["web1"] }), "request-1");
    await run.says("web1", web1, { kind: "hello", agentVersion: "1", bootId: "b1", epoch: run.epoch, permits: [] });
    expect(newer.permits()).toHaveLength(1);
    expect((await run.engine.view("r1")).hosts[0]).toMatchObject({ state: "permitted", permits: 1 });
  });

  test("is heard once: a second one does not void what the stream has carried since", async () => {
    const { run, web1 } = await fleet();
    await run.says("web1", web1, { kind: "hello", agentVersion: "1", bootId: "b2", epoch: run.epoch, permits: [] });
    expect(web1.permits()).toHaveLength(1);
    expect((await run.engine.view("r1")).hosts[0]).toMatchObject({ state: "permitted", permits: 1 });
  });

  test("that answers another epoch closes the stream", async () => {
    const { run, web1 } = await fleet(null);
    await run.says("web1", web1, { kind: "hello", agentVersion: "1", bootId: "b9", epoch: 77, permits: [] });
    expect(web1.closedBecause).toBe("hello for epoch 77");
    expect(run.fleet.view().hosts.get("web1")?.bootId).toBe("b1");
  });

  test("that comes late, after the host was given up, says that nothing was done", async () => {
    const { bench, run, web1, web2 } = await fleet({ ramp: [2], maxFail: 1 });
    await run.lose("web1", web1);
    await run.tells("web2", web2, underWay(permitOf(web2)));
    await bench.time.run(() => false, 10 * 60_000);
    await run.tells("web2", web2, notDone(permitOf(web2), "refused", "wrong-boot"));
    await run.tells("web2", web2, underWay(permitOf(web2)));
    await bench.time.run(() => false, 5 * 60_000);
    expect(await states(run)).toBe("running unreachable acting");
    expect((await run.connect("web1")).permits()).toHaveLength(1);
    expect(await states(run)).toBe("running permitted acting");
  });
});

describe("a permit that was not begun in time", () => {
  test("makes us close the stream, and the next Hello decides", async () => {
    const { bench, run, web1 } = await fleet();
    await bench.time.run(() => false, 61_000);
    expect(web1.closedBecause).toMatch(/not begun in time/);
    expect(await states(run)).toBe("running permitted pending");
    expect((await run.connect("web1")).permits()).toHaveLength(1);
  });

  test.each(["old-epoch", "wrong-boot", "not-begun-in-time"])(
    "or refused as %s is given again, three times in all",
    async (code) => {
      const { run, web1, web2 } = await fleet();
      await run.tells("web1", web1, notDone(permitOf(web1), "refused", code));
      await run.tells("web1", web1, notDone(permitOf(web1), "refused", code));
      expect(await states(run)).toBe("running permitted pending");
      await run.tells("web1", web1, notDone(permitOf(web1), "refused", code));
      expect(await states(run)).toBe("halted failed pending");
      expect([new Set(web1.permits()).size, web1.acknowledged().length, web2.permits()]).toEqual([3, 3, []]);
    },
  );

  test("and refused only after a restart of the agent is given again too", async () => {
    const { run, web1 } = await fleet();
    const permit = permitOf(web1);
    await run.lose("web1", web1);
    const again = await run.connect("web1", [underWay(permit, "verifying")]);
    await run.tells("web1", again, notDone(permit, "refused", "wrong-boot"));
    expect([again.acknowledged(), again.permits().length]).toEqual([[permit], 1]);
    expect(await states(run)).toBe("running permitted pending");
  });
});

describe("the end of a permit", () => {
  test.each<[string, Parameters<ControllerRun["tells"]>[2], string, RegExp]>([
    ["with a clean scan", verified("", CLEAN), "done", /^$/],
    ["with a clean scan and residue", verified("", CLEAN, ["cron job"]), "done-with-residue", /^$/],
    ["without a scan", verified("", null), "failed", /^no-proof: the host claims success without a scan$/],
    [
      "with a scan that asks for the remedy still",
      verified("", STILL_OLD),
      "failed",
      /still asks for restart-service ssh/,
    ],
    [
      "with a scan that cannot be read",
      verified("", { ...CLEAN, body: new Uint8Array([1, 2]) }),
      "failed",
      /^no-proof/,
    ],
    ["with an empty scan", verified("", { ...CLEAN, body: new Uint8Array() }), "failed", /^no-proof/],
    ["failed", notDone("", "failed", "step-failed"), "failed", /^step-failed: why$/],
    ["stale", notDone("", "stale", "new-targets"), "failed", /^new-targets: why$/],
    ["refused for a reason that stays", notDone("", "refused", "bad-digest"), "failed", /^bad-digest: why$/],
  ])("%s", async (_name, update, state, reason) => {
    const { run, web1 } = await fleet();
    const permitId = permitOf(web1);
    await run.tells("web1", web1, { ...update, permitId });
    expect((await run.engine.view("r1")).hosts[0]).toMatchObject({ state, reason: expect.stringMatching(reason) });
    expect(web1.acknowledged()).toEqual([permitId]);
  });

  test("another host's old code is no concern of the proof, unless new work is allowed", async () => {
    const other = await oldUnits("nginx.service");
    for (const [allowNew, state] of [
      [false, "done"],
      [true, "failed"],
    ] as const) {
      const { run, web1 } = await fleet({ allowNew });
      await run.tells("web1", web1, verified(permitOf(web1), other));
      expect((await run.engine.view("r1")).hosts[0]?.state).toBe(state);
    }
  });

  test("keeps its scan as the newest report; told again later it does not", async () => {
    const { bench, run, web1 } = await fleet();
    const permit = permitOf(web1);
    await run.tells("web1", web1, verified(permit, CLEAN));
    expect((await bench.hosts.report("web1"))?.digest).toBe(CLEAN.digest);
    await run.says("web1", web1, { kind: "report", report: STILL_OLD, requestId: "" });
    await run.tells("web1", web1, verified(permit, CLEAN));
    expect((await bench.hosts.report("web1"))?.digest).toBe(STILL_OLD.digest);
    expect(web1.acknowledged()).toEqual([permit, permit]);
  });

  test("of a permit that nobody knows is acknowledged; its progress is not", async () => {
    const { run, web1 } = await fleet(null);
    await run.tells("web1", web1, underWay("gone", "verifying"));
    await run.tells("web1", web1, verified("gone", CLEAN));
    expect(web1.acknowledged()).toEqual(["gone"]);
  });

  test("told by another host changes nothing", async () => {
    const { run, web1, web2 } = await fleet();
    await run.tells("web2", web2, verified(permitOf(web1), CLEAN));
    expect(await states(run)).toBe("running permitted pending");
  });

  test("is not acknowledged when it could not be stored", async () => {
    const { bench, web1 } = await fleet();
    bench.store = { ...bench.store, append: () => Promise.reject(new Error("disk full")) };
    const next = await bench.start();
    const again = await next.connect("web1", [underWay(permitOf(web1))]).catch(() => null);
    expect(again).toBeNull();
    const link = await next.connect("web2");
    await expect(next.tells("web1", link, verified(permitOf(web1), CLEAN))).rejects.toThrow("disk full");
    expect(link.acknowledged()).toEqual([]);
  });
});

describe("a controller that was killed", () => {
  test("between storing a permit and sending it gives another one when the host says it has none", async () => {
    const { bench, run, web1 } = await fleet();
    const permit = permitOf(web1);
    const next = await bench.start();
    expect(next.epoch).toBe(run.epoch + 1);
    expect(await states(next)).toBe("running permitted pending");
    const again = await next.connect("web1");
    expect(again.heard).toMatchObject([{ kind: "permit", permit: { epoch: next.epoch, hostId: "web1" } }]);
    expect(again.permits()).not.toContain(permit);
  });

  test("goes on where it stood, permits nobody else meanwhile, and takes the end of the old permit", async () => {
    const { bench, web1 } = await fleet();
    const next = await bench.start();
    const two = await next.connect("web2");
    expect(two.permits()).toEqual([]);
    const one = await next.connect("web1", [underWay(permitOf(web1), "verifying")]);
    await next.tells("web1", one, verified(permitOf(web1), CLEAN));
    expect(await states(next)).toBe("running done permitted");
    expect(two.permits()).toHaveLength(1);
  });

  test("for hours gives its hosts time to come back before it gives them up", async () => {
    const { bench, run, web1 } = await fleet();
    await run.engine.stop();
    await bench.time.run(() => false, 5 * 3_600_000);
    const next = await bench.start();
    expect(await states(next)).toBe("running permitted pending");
    const one = await next.connect("web1", [underWay(permitOf(web1), "verifying")]);
    await next.tells("web1", one, verified(permitOf(web1), CLEAN));
    expect(await states(next)).toBe("running done pending");
  });

  test("after the last host ended closes the rollout on its own", async () => {
    const { bench, web1 } = await fleet({ hosts: ["web1"] });
    const store = bench.store;
    let isDying = false;
    bench.store = {
      ...store,
      append: (id, version, event, isClosing) =>
        isDying && isClosing ? Promise.reject(new Error("killed")) : store.append(id, version, event, isClosing),
    };
    const doomed = await bench.start();
    const one = await doomed.connect("web1", [underWay(permitOf(web1))]);
    isDying = true;
    await expect(doomed.tells("web1", one, verified(permitOf(web1), CLEAN))).rejects.toThrow("killed");
    bench.store = store;
    expect(await states(await bench.start())).toBe("finished done");
  });
});

test("one write that fails does not leave the engine asleep", async () => {
  const bench = await ControllerBench.with(NAMES);
  const { store } = bench;
  let failures = 0;
  bench.store = {
    ...store,
    append: (id, version, event, isClosing) => {
      if (event.type !== "unreachable" || failures > 0) return store.append(id, version, event, isClosing);
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
  const { bench, run } = await fleet(null);
  await run.engine.stop();
  await run.engine.start(rolloutPlan({ hosts: NAMES }), "request-1");
  await bench.time.run(() => false, 3_600_000);
  expect(await states(run)).toBe("running pending pending");
});

test("watchers hear of each change and of what is waited for, until they leave", async () => {
  const { run, web1 } = await fleet();
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
  await run.engine.abort("r1", "ops", "enough");
  expect(heard).toHaveLength(4);
});

test("rollouts are listed newest first", async () => {
  const { bench, run } = await fleet({ hosts: ["a-clean"] });
  await bench.time.run(() => false, 1_000);
  const plan = { ...rolloutPlan({ id: "r2", hosts: ["web1"] }), createdAt: bench.time.now() };
  await run.engine.start(plan, "request-2");
  const listed = await run.engine.recent(5);
  expect(listed.map((view) => `${view.plan.id} ${view.state}`)).toEqual(["r2 running", "r1 finished"]);
  expect(await run.engine.recent(1)).toHaveLength(1);
});

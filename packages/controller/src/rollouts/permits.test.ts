import { describe, expect, test } from "vitest";
import type { ControllerRun } from "../../../../test/fakes/controller.ts";
import { CLEAN, permitOf, STILL_OLD, states, twoHosts } from "../../../../test/fakes/fleet.ts";
import { notDone, oldUnits, underWay, verified } from "../../../../test/fakes/reports.ts";
import { rolloutPlan } from "../../../../test/fakes/rollout.ts";

describe("Hello", () => {
  test("without the permit voids it, and the host is permitted anew", async () => {
    const { run, web1 } = await twoHosts();
    await run.lose("web1", web1);
    const again = await run.connect("web1");
    expect(again.permits()).toHaveLength(1);
    expect(again.permits()).not.toEqual(web1.permits());
    expect((await run.engine.view("r1")).hosts[0]).toMatchObject({ state: "permitted", permits: 2 });
  });

  test("that lists the permit keeps it, whatever the stream", async () => {
    const { run, web1 } = await twoHosts();
    await run.lose("web1", web1);
    const again = await run.connect("web1", [underWay(permitOf(web1), "settling")]);
    expect(again.permits()).toEqual([]);
    expect(await states(run)).toBe("running settling pending");
  });

  test("after a new boot gets a permit for that boot", async () => {
    const { run, web1 } = await twoHosts();
    await run.lose("web1", web1);
    const again = await run.connect("web1", [], "b2");
    expect(again.heard).toMatchObject([{ kind: "permit", permit: { bootId: "b2" } }]);
  });

  test("no permit is given between a stream's opening and our reading of its Hello", async () => {
    const { run, web1 } = await twoHosts(null);
    await run.lose("web1", web1);
    run.fleet.attach("web1", web1);
    await run.engine.start(rolloutPlan({ hosts: ["web1"] }), "request-1");
    expect(web1.permits()).toEqual([]);
    const old = underWay("permit-of-before");
    await run.says("web1", web1, { kind: "hello", agentVersion: "1", bootId: "b1", epoch: run.epoch, permits: [old] });
    expect(web1.permits()).toHaveLength(1);
  });

  test("on a stream that a newer one replaced does nothing", async () => {
    const { run, web1 } = await twoHosts(null);
    const newer = await run.connect("web1");
    await run.engine.start(rolloutPlan({ hosts: ["web1"] }), "request-1");
    await run.says("web1", web1, { kind: "hello", agentVersion: "1", bootId: "b1", epoch: run.epoch, permits: [] });
    expect(newer.permits()).toHaveLength(1);
    expect((await run.engine.view("r1")).hosts[0]).toMatchObject({ state: "permitted", permits: 1 });
  });

  test("is heard once: a second one does not void what the stream has carried since", async () => {
    const { run, web1 } = await twoHosts();
    await run.says("web1", web1, { kind: "hello", agentVersion: "1", bootId: "b2", epoch: run.epoch, permits: [] });
    expect(web1.permits()).toHaveLength(1);
    expect((await run.engine.view("r1")).hosts[0]).toMatchObject({ state: "permitted", permits: 1 });
  });

  test("that answers another epoch closes the stream", async () => {
    const { run, web1 } = await twoHosts(null);
    await run.says("web1", web1, { kind: "hello", agentVersion: "1", bootId: "b9", epoch: 77, permits: [] });
    expect(web1.closedBecause).toBe("hello for epoch 77");
    expect(run.fleet.view().hosts.get("web1")?.bootId).toBe("b1");
  });

  test("without a permit whose work was seen does not void it: the host lost its memory, not its work", async () => {
    const { run, web1 } = await twoHosts();
    await run.tells("web1", web1, underWay(permitOf(web1)));
    await run.lose("web1", web1);
    expect((await run.connect("web1")).permits()).toEqual([]);
    expect(await states(run)).toBe("running acting pending");
  });

  test("that comes late, after the host was given up, says that nothing was done", async () => {
    const { bench, run, web1, web2 } = await twoHosts({ ramp: [2], maxFail: 1 });
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
    const { bench, run, web1 } = await twoHosts();
    await bench.time.run(() => false, 61_000);
    expect(web1.closedBecause).toMatch(/not begun in time/);
    expect(await states(run)).toBe("running permitted pending");
    expect((await run.connect("web1")).permits()).toHaveLength(1);
  });

  test.each(["old-epoch", "wrong-boot", "not-begun-in-time"])(
    "or refused as %s is given again, three times in all",
    async (code) => {
      const { run, web1, web2 } = await twoHosts();
      await run.tells("web1", web1, notDone(permitOf(web1), "refused", code));
      await run.tells("web1", web1, notDone(permitOf(web1), "refused", code));
      expect(await states(run)).toBe("running permitted pending");
      await run.tells("web1", web1, notDone(permitOf(web1), "refused", code));
      expect(await states(run)).toBe("halted failed pending");
      expect([new Set(web1.permits()).size, web1.acknowledged().length, web2.permits()]).toEqual([3, 3, []]);
    },
  );

  test("and refused only after a restart of the agent is given again too", async () => {
    const { run, web1 } = await twoHosts();
    const permit = permitOf(web1);
    await run.lose("web1", web1);
    const again = await run.connect("web1", [underWay(permit, "verifying")]);
    await run.tells("web1", again, notDone(permit, "refused", "wrong-boot"));
    expect([again.acknowledged(), again.permits().length]).toEqual([[permit], 1]);
    expect(await states(run)).toBe("running permitted pending");
  });
});

describe("a host whose own rules hold a permit off", () => {
  test.each(["denied", "window", "config", "package-lock", "hook-vetoed"])(
    "says so (%s), is no failure, leaves its place and is tried again",
    async (code) => {
      const { bench, run, web1, web2 } = await twoHosts();
      const first = permitOf(web1);
      await run.tells("web1", web1, notDone(first, "refused", code));
      expect(await states(run)).toBe("running vetoed permitted");
      expect((await run.engine.view("r1")).hosts[0]).toMatchObject({ reason: `${code}: why`, permit: null });
      expect(web1.acknowledged()).toEqual([first]);
      await run.tells("web2", web2, verified(permitOf(web2), CLEAN));
      const vetoedAt = bench.time.now();
      await bench.time.run(() => web1.permits().length > 1, 60_000);
      expect([web1.permits().length, bench.time.now() - vetoedAt]).toEqual([2, 10_000]);
      await run.tells("web1", web1, verified(permitOf(web1), CLEAN));
      expect(await states(run)).toBe("finished done done");
    },
  );

  test("again and again, ends the rollout halted, with its words; the others are done", async () => {
    const { bench, run, web1, web2 } = await twoHosts();
    await run.tells("web1", web1, notDone(permitOf(web1), "refused", "denied"));
    await run.tells("web2", web2, verified(permitOf(web2), CLEAN));
    for (const waitMs of [10_001, 20_001]) {
      await bench.time.run(() => false, waitMs);
      await run.tells("web1", web1, notDone(permitOf(web1), "refused", "denied"));
    }
    expect([web1.permits().length, await states(run)]).toEqual([3, "halted vetoed done"]);
    expect((await run.engine.view("r1")).why).toBe("vetoed on the host: web1 (denied: why)");
  });

  test("step by step: nothing was done is a veto, something was is a failure", async () => {
    const step = { kind: "restart-service", target: "a.service", evidence: "a cap", startedAt: 0, elapsedMs: 0 };
    for (const [outcomes, state] of [
      [["vetoed", "vetoed"], "running vetoed permitted"],
      [["skipped", "vetoed"], "running vetoed permitted"],
      [["done", "vetoed"], "halted failed pending"],
    ] as const) {
      const { run, web1 } = await twoHosts();
      const steps = outcomes.map((outcome) => ({ ...step, outcome }));
      await run.tells("web1", web1, { ...notDone(permitOf(web1), "failed", "step-failed"), steps });
      expect(await states(run)).toBe(state);
    }
  });

  test("is tried again by the next run of the controller, and not later because a clock was stepped back", async () => {
    const { bench, run, web1, web2 } = await twoHosts();
    await run.tells("web1", web1, notDone(permitOf(web1), "refused", "denied"));
    await run.tells("web2", web2, verified(permitOf(web2), CLEAN));
    bench.clockOff = -86_400_000;
    const next = await bench.start();
    const again = await next.connect("web1");
    expect((await next.engine.view("r1")).hosts[0]).toMatchObject({ state: "vetoed", vetoes: 1 });
    await bench.time.run(() => again.permits().length > 0, 300_001);
    expect(again.permits()).toHaveLength(1);
  });

  test("takes none of the tries that other refusals have", async () => {
    const { bench, run, web1 } = await twoHosts({ hosts: ["web1"] });
    for (const waitMs of [10_001, 20_001]) {
      await run.tells("web1", web1, notDone(permitOf(web1), "refused", "denied"));
      await bench.time.run(() => false, waitMs);
    }
    await run.tells("web1", web1, notDone(permitOf(web1), "refused", "wrong-boot"));
    expect(await states(run)).toBe("running permitted");
  });
});

describe("a host that never begins, or never ends", () => {
  test("is given up after ten permits, so that the rollout ends and others are not kept waiting", async () => {
    const { run, web2 } = await twoHosts({ maxFail: 1 });
    let given = 1;
    for (let link = await run.connect("web1"); link.permits().length > 0 && given < 99; given++) {
      await run.lose("web1", link);
      link = await run.connect("web1");
    }
    expect([given, await states(run)]).toEqual([10, "running failed permitted"]);
    expect((await run.engine.view("r1")).hosts[0]?.reason).toMatch(/^not-begun: connected anew after each of 10/);
    expect(web2.permits()).toHaveLength(1);
  });

  test("cannot fill the store: progress goes forward only", async () => {
    const { run, web1 } = await twoHosts();
    const permitId = permitOf(web1);
    const before = (await run.engine.view("r1")).version;
    const step = { kind: "a", target: "b", outcome: "done", evidence: "", startedAt: 0, elapsedMs: 0 } as const;
    for (let i = 0; i < 50; i++) {
      await run.tells("web1", web1, { permitId, state: "acting", steps: i % 2 === 0 ? [step] : [step, step] });
      await run.tells("web1", web1, { permitId, state: i % 2 === 0 ? "settling" : "acting", steps: [] });
    }
    for (let i = 0; i < 50; i++)
      await run.tells("web1", web1, { permitId, state: "settling", steps: i % 2 ? [step] : [] });
    expect((await run.engine.view("r1")).version - before).toBe(3);
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
    const { run, web1 } = await twoHosts();
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
      const { run, web1 } = await twoHosts({ allowNew });
      await run.tells("web1", web1, verified(permitOf(web1), other));
      expect((await run.engine.view("r1")).hosts[0]?.state).toBe(state);
    }
  });

  test("keeps its scan as the newest report; told again later it does not", async () => {
    const { bench, run, web1 } = await twoHosts();
    const permit = permitOf(web1);
    await run.tells("web1", web1, verified(permit, CLEAN));
    expect((await bench.hosts.report("web1"))?.digest).toBe(CLEAN.digest);
    await run.says("web1", web1, { kind: "report", report: STILL_OLD, requestId: "" });
    await run.tells("web1", web1, verified(permit, CLEAN));
    expect((await bench.hosts.report("web1"))?.digest).toBe(STILL_OLD.digest);
    expect(web1.acknowledged()).toEqual([permit, permit]);
  });

  test("of a permit that nobody knows is acknowledged; its progress is not", async () => {
    const { run, web1 } = await twoHosts(null);
    await run.tells("web1", web1, underWay("gone", "verifying"));
    await run.tells("web1", web1, verified("gone", CLEAN));
    expect(web1.acknowledged()).toEqual(["gone"]);
  });

  test("told by another host changes nothing", async () => {
    const { run, web1, web2 } = await twoHosts();
    await run.tells("web2", web2, verified(permitOf(web1), CLEAN));
    expect(await states(run)).toBe("running permitted pending");
  });

  test("is not acknowledged when it could not be stored", async () => {
    const { bench, web1 } = await twoHosts();
    const { store } = bench;
    let isFull = true;
    const append: typeof store.append = async (...args) => {
      if (isFull) throw new Error("disk full");
      return store.append(...args);
    };
    bench.store = { ...store, append };
    const next = await bench.start();
    const again = await next.connect("web1", [underWay(permitOf(web1))]).catch(() => null);
    expect(again).toBeNull();
    isFull = false;
    const link = await next.connect("web1", [underWay(permitOf(web1))]);
    isFull = true;
    await expect(next.tells("web1", link, verified(permitOf(web1), CLEAN))).rejects.toThrow("disk full");
    expect(link.acknowledged()).toEqual([]);
  });
});

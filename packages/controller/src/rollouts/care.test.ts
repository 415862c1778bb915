import type { Care } from "@afterpatch/core/rollout/care";
import type { RolloutPlan } from "@afterpatch/core/rollout/types";
import type { CheckSpec, HookSpec } from "@afterpatch/core/rollout-file/spec";
import { describe, expect, test } from "vitest";
import { HandCare } from "../../../../test/fakes/care.ts";
import { ControllerBench, type ControllerRun, type FakeLink } from "../../../../test/fakes/controller.ts";
import { CLEAN, NAMES, permitOf, states } from "../../../../test/fakes/fleet.ts";
import { notDone, verified } from "../../../../test/fakes/reports.ts";
import { rolloutPlan } from "../../../../test/fakes/rollout.ts";
import { pauseOrder, resumeOrder } from "./orders.ts";

const LIVE: CheckSpec = { name: "live", probe: { kind: "tcp", host: "{host}", port: 443 }, forMs: 0, timeoutMs: 1_000 };
const DRAIN: HookSpec = { command: ["/etc/afterpatch/hooks/drain"], timeoutMs: 1_000, onFail: "skip-host" };
const UNDRAIN: HookSpec = { command: ["/etc/afterpatch/hooks/undrain"], timeoutMs: 1_000, onFail: "fail-host" };
const ALL: Care = { before: [LIVE], drain: DRAIN, after: [LIVE], undrain: UNDRAIN };

function planWith(care: Care, leaderLast: string | null, ramp: readonly number[]): RolloutPlan {
  const wave = {
    name: "all",
    hostIds: NAMES,
    ramp,
    mode: "slide",
    after: [],
    bakeMs: 0,
    isApproved: false,
  } as const;
  const hours = { windows: [], freeze: [] };
  const limits = { budgets: [], maxFailPercent: null, progressDeadlineMs: null };
  return {
    ...rolloutPlan({ hosts: NAMES, maxFail: 5 }),
    shape: { ...limits, waves: [{ ...wave, leaderLast }], hours, care },
  };
}

interface Scene {
  readonly bench: ControllerBench;
  readonly hand: HandCare;
  run: ControllerRun;
  readonly links: Map<string, FakeLink>;
}

async function scene(
  care: Partial<Care> = {},
  leaderLast: string | null = null,
  ramp: readonly number[] = [1],
): Promise<Scene> {
  const bench = await ControllerBench.with(NAMES);
  const hand = new HandCare();
  bench.care = hand;
  const run = await bench.start();
  const links = new Map<string, FakeLink>();
  for (const name of NAMES) links.set(name, await run.connect(name));
  await run.engine.start(planWith({ ...ALL, ...care }, leaderLast, ramp), "request-1");
  return { bench, hand, run, links };
}

function web1({ links }: Scene): FakeLink {
  const link = links.get("web1");
  if (!link) throw new Error("web1 is not connected");
  return link;
}

async function reason({ run }: Scene): Promise<string> {
  return (await run.engine.view("r1")).hosts[0]?.reason ?? "";
}

test("a host is looked at, drained, permitted, looked at again, and put back before the next one is taken", async () => {
  const on = await scene();
  const { hand, run } = on;
  const seen: string[] = [await states(run)];
  for (const chore of ["checking web1", "draining web1"]) {
    expect(web1(on).permits()).toEqual([]);
    await hand.ends(chore);
    seen.push(await states(run));
  }
  await run.tells("web1", web1(on), verified(permitOf(web1(on)), CLEAN));
  seen.push(await states(run));
  expect(web1(on).acknowledged()).toHaveLength(1); // the host's own part is over
  for (const chore of ["health web1", "undraining web1"]) {
    await hand.ends(chore);
    seen.push(await states(run));
  }
  expect(seen).toEqual([
    "running draining pending",
    "running draining pending",
    "running permitted pending",
    "running verifying pending",
    "running undraining pending",
    "running done draining",
  ]);
  expect(hand.begun).toEqual(["checking web1", "draining web1", "health web1", "undraining web1", "checking web2"]);
});

test("what the host says again while it is looked at changes nothing", async () => {
  const on = await scene({ before: [], drain: null, undrain: null });
  const told = verified(permitOf(web1(on)), CLEAN);
  await on.run.tells("web1", web1(on), told);
  const { version } = await on.run.engine.view("r1");
  await on.run.tells("web1", web1(on), told);
  await on.run.tells("web1", web1(on), notDone(told.permitId, "failed", "step-failed"));
  expect((await on.run.engine.view("r1")).version).toBe(version);
  await on.hand.ends("health web1");
  expect(await states(on.run)).toBe("running done permitted");
});

describe("what goes wrong", () => {
  test("a check before it: the host is not touched, and is tried again", async () => {
    const on = await scene();
    await on.hand.ends("checking web1", "live: ECONNREFUSED");
    expect(await states(on.run)).toBe("running vetoed draining");
    expect(await reason(on)).toBe("not touched: live: ECONNREFUSED");
    for (let tries = 1; tries < 12; tries += 1) {
      await on.hand.ends(on.hand.begun.at(-1) ?? "", "live: ECONNREFUSED");
      const { length } = on.hand.begun;
      await on.bench.time.run(() => on.hand.begun.length > length, 600_000);
    }
    expect(await states(on.run)).toMatch(/^running /); // for as long as it takes
    const last = on.hand.begun.at(-1) ?? "";
    await on.hand.ends(last);
    expect(on.hand.begun.at(-1)).toBe(last.replace("checking", "draining"));
  });

  test.each([
    ["skip-host", "running skipped draining"],
    ["fail-host", "running failed draining"],
    ["stop", "halted failed pending"],
  ] as const)("its drain (%s): it is put back into service first", async (onFail, expected) => {
    const on = await scene({ drain: { ...DRAIN, onFail } });
    await on.hand.ends("checking web1");
    await on.hand.ends("draining web1", "exited 1: no such backend");
    expect(await states(on.run)).toBe("running undraining pending");
    await on.hand.ends("undraining web1");
    expect(await states(on.run)).toBe(expected);
    expect(await reason(on)).toBe("its drain: exited 1: no such backend");
    expect(web1(on).permits()).toEqual([]);
  });

  test("its health: it has failed, stays out of service, and is charged", async () => {
    const on = await scene({ before: [] });
    await on.hand.ends("draining web1");
    await on.run.tells("web1", web1(on), verified(permitOf(web1(on)), CLEAN));
    await on.hand.ends("health web1", "live: answered 503");
    expect(await states(on.run)).toBe("running failed draining");
    expect(await reason(on)).toBe("unhealthy: live: answered 503; it is out of service still");
    expect(on.hand.begun).not.toContain("undraining web1");
    expect(await on.bench.store.charges()).toMatchObject([{ hostId: "web1" }]);
  });

  test("its undrain: what was done well has failed all the same", async () => {
    const on = await scene({ before: [], after: [] });
    await on.hand.ends("draining web1");
    await on.run.tells("web1", web1(on), verified(permitOf(web1(on)), CLEAN));
    await on.hand.ends("health web1");
    await on.hand.ends("undraining web1", "did not end within 1 s and was ended");
    expect(await states(on.run)).toBe("running failed draining");
    expect(await reason(on)).toBe("it is out of service still: its undrain did not end within 1 s and was ended");
  });

  test("the host itself: nobody puts it back into service", async () => {
    const on = await scene({ before: [] });
    await on.hand.ends("draining web1");
    await on.run.tells("web1", web1(on), notDone(permitOf(web1(on)), "failed", "step-failed"));
    expect(await states(on.run)).toBe("running failed draining");
    expect(await reason(on)).toMatch(/; it is out of service still$/);
  });

  test("the host's own rules: it is put back, and tried again", async () => {
    const on = await scene({ before: [] });
    await on.hand.ends("draining web1");
    await on.run.tells("web1", web1(on), notDone(permitOf(web1(on)), "refused", "denied"));
    expect(await states(on.run)).toBe("running undraining pending");
    await on.hand.ends("undraining web1");
    expect(await states(on.run)).toBe("running vetoed draining");
    expect(await reason(on)).toMatch(/^denied/);
  });
});

describe("interrupted", () => {
  test("a pause puts a host that is ready back, and it is taken anew", async () => {
    const on = await scene({ before: [] });
    await on.run.engine.order("r1", pauseOrder("ops", ""));
    await on.hand.ends("draining web1");
    expect(await states(on.run)).toBe("paused undraining pending");
    expect(web1(on).permits()).toEqual([]);
    await on.hand.ends("undraining web1");
    expect(await states(on.run)).toBe("paused pending pending");
    await on.run.engine.order("r1", resumeOrder("ops"));
    expect(await states(on.run)).toBe("running draining pending");
  });

  test.each([
    ["checking", 0],
    ["draining", 1],
    ["health", 2],
    ["undraining", 3],
  ] as const)("by the controller's end while %s: the same begins anew", async (phase, done) => {
    const on = await scene();
    const chores = ["checking web1", "draining web1", "health web1", "undraining web1"];
    for (const [index, chore] of chores.slice(0, done).entries()) {
      await on.hand.ends(chore);
      if (index === 1) await on.run.tells("web1", web1(on), verified(permitOf(web1(on)), CLEAN));
    }
    on.hand.begun.length = 0;
    on.run = await on.bench.start();
    expect(on.hand.begun).toEqual([`${phase} web1`]);
    for (const name of NAMES) on.links.set(name, await on.run.connect(name));
    for (const [index, chore] of chores.slice(done).entries()) {
      await on.hand.ends(chore);
      if (index + done === 1) await on.run.tells("web1", web1(on), verified(permitOf(web1(on)), CLEAN));
    }
    expect(await states(on.run)).toBe("running done draining");
  });
});

const NO_CARE: Care = { before: [], drain: null, after: [], undrain: null };
const LEADS = "it leads (check leads), and others of its wave come first";

test.each<[string, readonly number[]]>([
  ["in the only batch", [1]],
  ["in a batch before the last", [1, 9]],
])("the leader of a wave goes when all others have gone, and is asked no more then: %s", async (_name, ramp) => {
  const on = await scene(NO_CARE, "leads", ramp);
  const asked: (string | null)[] = [];
  const carryOut = on.hand.carryOut.bind(on.hand);
  on.hand.carryOut = (task) => {
    asked.push(task.chore.kind === "checks" ? task.chore.leader : "");
    return carryOut(task);
  };
  await on.hand.ends("checking web1", LEADS, "leads");
  expect(await states(on.run)).toBe("running vetoed draining");
  await on.hand.ends("checking web2");
  const web2 = on.links.get("web2");
  if (!web2) throw new Error("web2 is not connected");
  await on.run.tells("web2", web2, verified(permitOf(web2), CLEAN));
  await on.bench.time.run(() => on.hand.begun.length > 2, 60_000);
  expect(asked.at(-1)).toBeNull();
  await on.hand.ends("checking web1");
  expect(await states(on.run)).toBe("running permitted done");
});

test("two hosts of which nobody can tell whether they lead wait three times, and then go one after the other", async () => {
  const on = await scene(NO_CARE, "leads", [9]);
  const unknown = "whether it leads cannot be told: check leads: exited 2";
  const asked: string[] = [];
  const { carryOut } = on.hand;
  on.hand.carryOut = (task) => {
    if (task.chore.kind === "checks") asked.push(`${task.host.name} ${task.chore.leader ?? "goes"}`);
    return carryOut.call(on.hand, task);
  };
  for (let round = 0; round < 3; round++) {
    const begun = on.hand.begun.length;
    for (const name of NAMES) await on.hand.ends(`checking ${name}`, unknown, "unknown");
    await on.bench.time.run(() => on.hand.begun.length >= begun + 2, 3_600_000);
  }
  expect(asked.slice(-2)).toEqual(["web1 goes", "web2 leads"]);
  await on.hand.ends("checking web2", unknown, "unknown");
  await on.hand.ends("checking web1");
  const first = web1(on);
  await on.run.tells("web1", first, verified(permitOf(first), CLEAN));
  await on.bench.time.run(() => asked.at(-1) === "web2 goes", 3_600_000);
  await on.hand.ends("checking web2");
  expect(await states(on.run)).toBe("running done permitted");
});

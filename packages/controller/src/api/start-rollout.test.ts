import { DEFAULT_REBOOT, type RebootOrder } from "@afterpatch/core/plan/reboot";
import { sha256 } from "@afterpatch/agent/session/report";
import type { ScanReport } from "@afterpatch/core/session";
import { describe, expect, test } from "vitest";
import { ControllerBench, type ControllerRun, type FakeLink } from "../../../../test/fakes/controller.ts";
import { oldUnits, reportFrom } from "../../../../test/fakes/reports.ts";
import { permitOf } from "../rollouts/permit.ts";
import type { FleetPlan } from "../rollouts/plan-fleet.ts";
import { ShownPlans } from "../rollouts/shown-plans.ts";
import { planOrRefuse, startRollout } from "./start-rollout.ts";

const NAMES = ["web1", "web2", "web3"];

/** Hosts that answer every request for a scan with what they are told to be like. */
async function fleet(names: readonly string[] = NAMES) {
  const bench = await ControllerBench.with(names);
  const run = await bench.start();
  const now = new Map<string, ScanReport | string | null>();
  for (const name of names) {
    now.set(name, await oldUnits("ssh.service", "nginx.service"));
    answering(run, name, await run.connect(name), now);
  }
  const shown = new ShownPlans();
  const { hosts } = bench;
  const live = { hosts, fleet: run.fleet, scans: run.scans, probes: run.probes, engine: run.engine, clock: run.clock };
  const deps = {
    ...live,
    operators: { byName: async () => null },
    sha256,
    shown,
    ownBootId: null,
    hooksDir: "/etc/afterpatch/hooks",
  };
  const plan = async (serial = "50%", pattern = "all"): Promise<FleetPlan> => {
    const { plan: made } = await planOrRefuse(deps, { pattern, serial, reboot: DEFAULT_REBOOT, spec: null });
    shown.add(made);
    return made;
  };
  let requests = 0;
  const start = (expectedDigest: string, change: object = {}) => {
    const request = { pattern: "all", serial: "50%", maxFail: 0, reason: "DSA-6001", name: "", maxHosts: 0 };
    const rest = {
      expectedDigest,
      allowNew: false,
      requestId: `request-${++requests}`,
      retryOf: "",
      queue: false,
      rolloutFile: "",
    };
    return startRollout({ ...deps, shown }, { ...request, ...rest, ...change }, "ops", async () => {});
  };
  return { bench, run, now, deps, shown, plan, start };
}

/** `now`: a report, why a scan fails, or null for no answer. */
function answering(
  run: ControllerRun,
  name: string,
  link: FakeLink,
  now: Map<string, ScanReport | string | null>,
): void {
  const { send } = link;
  link.send = (message) => {
    send.call(link, message);
    if (message.kind !== "scan") return;
    const { requestId } = message;
    const report = now.get(name) ?? null;
    if (report === null) return;
    void run.says(
      name,
      link,
      typeof report === "string"
        ? { kind: "scan-failed", requestId, why: report }
        : { kind: "report", report, requestId },
    );
  };
}

test("a host whose plan is endless is uncovered, and its fleet's plan stays readable", async () => {
  const { now, plan } = await fleet();
  const names = Array.from({ length: 20 }, (_, i) => `${i}${"x".repeat(60_000)}.service`);
  now.set("web2", await oldUnits(...names));
  const made = await plan();
  expect(made.hosts.map(({ host }) => host.name)).toEqual(["web1", "web3"]);
  expect(made.uncovered).toMatchObject([{ name: "web2", why: "its plan is too long to be true" }]);
});

test("a machine with a ceiling begins nothing over more hosts, whatever it asks for", async () => {
  const { deps, plan } = await fleet();
  const { digest: expectedDigest } = await plan();
  const machine = {
    name: "ci",
    role: "operator",
    createdAt: 0,
    lifeMs: 1,
    removedAt: null,
    certifiedUntil: null,
  } as const;
  const begin = (maxHosts: number) => {
    const byName = async () => ({ ...machine, isMachine: true, maxHosts });
    const request = {
      pattern: "all",
      serial: "50%",
      maxFail: 0,
      reason: "DSA-6001",
      name: "",
      maxHosts: 0,
      retryOf: "",
    };
    const rest = { expectedDigest, allowNew: false, requestId: `r-${maxHosts}`, queue: false, rolloutFile: "" };
    return startRollout({ ...deps, operators: { byName } }, { ...request, ...rest }, "ci", async () => {});
  };
  await expect(begin(2)).rejects.toMatchObject({
    code: "too-many-hosts",
    message: "3 hosts are selected, and ci may begin rollouts of 2 at most",
  });
  expect(deps.engine.open()).toEqual([]);
  expect((await begin(3)).plan.actor).toBe("ci");
});

describe("a plan that was shown", () => {
  test("fits while nothing changed", async () => {
    const { plan, start } = await fleet();
    const { digest, ramp } = await plan();
    expect((await start(digest)).plan).toMatchObject({
      digest,
      ramp,
      actor: "ops",
      reason: "DSA-6001",
      name: "DSA-6001",
    });
  });

  test("still fits when a step vanished, a host has nothing to do any more, or one is gone", async () => {
    const { run, now, plan, start } = await fleet();
    const { digest, ramp } = await plan();
    expect(ramp).toEqual([1]);
    now.set("web1", await oldUnits("ssh.service"));
    now.set("web2", await oldUnits());
    run.fleet.reset("web3", "gone");
    const { plan: frozen } = await start(digest);
    expect(frozen.digest).not.toBe(digest);
    expect(frozen.hosts.map((h) => [h.name, h.steps.map((s) => s.target)])).toEqual([
      ["web1", ["ssh.service"]],
      ["web2", []],
    ]);
    expect(frozen.uncovered).toEqual([{ name: "web3", why: "not connected" }]);
  });

  test.each<[string, (bench: Awaited<ReturnType<typeof fleet>>) => Promise<unknown>]>([
    ["a new step", async ({ now }) => now.set("web1", await oldUnits("ssh.service", "nginx.service", "cron.service"))],
    ["another step in place of one", async ({ now }) => now.set("web1", await oldUnits("cron.service"))],
    [
      "the same unit, another remedy",
      async ({ now }) => now.set("web1", await reportFrom({ services: [{ name: "ssh.service", old: 1, fresh: 0 }] })),
    ],
  ])("is stale after %s", async (_name, change) => {
    const bench = await fleet();
    const { digest } = await bench.plan();
    await change(bench);
    await expect(bench.start(digest)).rejects.toMatchObject({ code: "stale-plan" });
    expect(await bench.run.engine.recent(1)).toEqual([]);
  });

  test("is stale when a host that could not be planned then has work now", async () => {
    const { now, plan, start } = await fleet();
    now.set("web3", "scan broke");
    const { digest } = await plan();
    now.set("web3", await oldUnits("ssh.service"));
    await expect(start(digest)).rejects.toMatchObject({ code: "stale-plan" });
  });

  test.each<[string, Partial<RebootOrder>]>([
    ["method", { method: "kexec" }],
    ["delay", { delayMs: 60_000 }],
    ["message", { message: "back soon" }],
    ["time", { withinMs: 60_000 }],
  ])("is stale for another %s of reboots", async (_name, change) => {
    const { deps, shown, plan } = await fleet();
    const { digest } = await plan();
    const order = { pattern: "all", serial: "50%", reboot: { ...DEFAULT_REBOOT, ...change }, spec: null };
    const { plan: other } = await planOrRefuse(deps, order);
    expect([other.digest === digest, shown.covers(digest, other)]).toEqual([false, false]);
  });

  test("is stale for larger batches than it showed, and fits for smaller ones", async () => {
    const { plan, start } = await fleet();
    const { digest } = await plan("1,2");
    for (const serial of ["2", "1,3", "1,2,3", "100%"]) {
      await expect(start(digest, { serial })).rejects.toMatchObject({ code: "stale-plan" });
    }
    expect((await start(digest, { serial: "1,1,2" })).plan.ramp).toEqual([1, 1, 2]);
  });

  test("fits for a part of its hosts", async () => {
    const { plan, start } = await fleet();
    const { digest } = await plan();
    expect((await start(digest, { pattern: "web2" })).hosts.map((h) => h.name)).toEqual(["web2"]);
  });

  test("before a restart of the controller fits only if it is the very same", async () => {
    const { now, deps, plan } = await fleet();
    const { digest } = await plan();
    const forgotten = { ...deps, shown: new ShownPlans() };
    now.set("web1", await oldUnits("ssh.service"));
    const again = { pattern: "all", serial: "50%", maxFail: 0, reason: "x", name: "", maxHosts: 0, allowNew: false };
    const request = {
      ...again,
      expectedDigest: digest,
      requestId: "request-x",
      retryOf: "",
      queue: false,
      rolloutFile: "",
    };
    await expect(startRollout(forgotten, request, "ops", async () => {})).rejects.toMatchObject({ code: "stale-plan" });
    now.set("web1", await oldUnits("ssh.service", "nginx.service"));
    expect((await startRollout(forgotten, request, "ops", async () => {})).plan.digest).toBe(digest);
  });

  test("is forgotten when twenty others were shown since, not when it was shown again", async () => {
    const { shown, plan } = await fleet();
    const first = await plan();
    const second = { ...first, digest: "second" };
    shown.add(second);
    shown.add(first);
    for (let i = 0; i < 19; i += 1) shown.add({ ...first, digest: `other-${i}` });
    const fresh = { ...first, digest: "fresh" };
    expect([shown.covers(first.digest, fresh), shown.covers("second", fresh)]).toEqual([true, false]);
  });
});

describe("a request to start", () => {
  test.each<[string, object, string]>([
    ["no reason", { reason: "  " }, "bad-argument"],
    ["no request id", { requestId: "" }, "bad-argument"],
    ["a serial of 0", { serial: "0" }, "bad-argument"],
    ["a pattern that cannot be read", { pattern: "~(" }, "bad-argument"],
    ["a pattern that matches nothing", { pattern: "db*" }, "selection-empty"],
    ["a pattern of which a part matches nothing", { pattern: "web1,db1" }, "selection-empty"],
    ["more hosts than allowed", { maxHosts: 2 }, "too-many-hosts"],
  ])("with %s is refused, and nothing is stored", async (_name, change, code) => {
    const { run, start } = await fleet();
    await expect(start("", change)).rejects.toMatchObject({ code });
    expect(await run.engine.recent(1)).toEqual([]);
  });

  test("that is repeated asks no host again", async () => {
    const { now, start } = await fleet();
    const { plan } = await start("", { requestId: "once" });
    for (const name of NAMES) now.set(name, "no scan twice");
    expect((await start("other", { requestId: "once" })).plan.id).toBe(plan.id);
  });

  test("counts the hosts that the pattern selects, planned or not", async () => {
    const { run, start } = await fleet();
    run.fleet.reset("web3", "gone");
    await expect(start("", { maxHosts: 2 })).rejects.toMatchObject({ code: "too-many-hosts" });
    expect((await start("", { maxHosts: 3 })).plan.uncovered).toHaveLength(1);
  });
});

describe("a rollout with a filter", () => {
  const filter = { only: [], packages: [], libraries: [], units: ["nginx"], kinds: [], restarts: [], cves: [] };
  const NGINX = { kind: "restart-service", target: "nginx.service" };
  const SSH = { kind: "restart-service", target: "ssh.service" };

  test("has the chosen steps alone, and permits say what is left on purpose", async () => {
    const { bench, run, now, start } = await fleet();
    now.set("web3", await oldUnits("ssh.service"));
    const { plan } = await start("", { filter });
    expect(plan.hosts.map(({ steps, leave, residue }) => ({ steps, leave, residue }))).toEqual([
      { steps: [NGINX], leave: [SSH], residue: ["ssh.service"] },
      { steps: [NGINX], leave: [SSH], residue: ["ssh.service"] },
      { steps: [], leave: [SSH], residue: ["ssh.service"] },
    ]);
    const stored = await bench.store.load(plan.id);
    const permitted = stored?.events.find((event) => event.type === "permitted");
    const view = await run.engine.view(plan.id);
    expect(permitted && permitOf(view, permitted)).toMatchObject({ steps: [NGINX], leave: [SSH] });
    expect(view.hosts.map(({ state }) => state)).toEqual(["permitted", "pending", "done-with-residue"]);
  });

  test.each<[string, object, string]>([
    ["a name that nothing has", { filter: { ...filter, units: ["ngin"] } }, "(nearest: 'nginx')"],
    ["a kind that is none", { filter: { ...filter, kinds: ["network"] } }, 'filter: "network" is no kind'],
    ["leave for new work", { filter, allowNew: true }, "allow-new does not go with a filter"],
  ])("is refused with %s", async (_name, change, message) => {
    const { run, start } = await fleet();
    await expect(start("", change)).rejects.toMatchObject({ message: expect.stringContaining(message) });
    expect(await run.engine.recent(1)).toEqual([]);
  });
});

describe("units that a person wants restarted", () => {
  const NGINX = { kind: "restart-service", target: "nginx.service" };
  const CRON = { kind: "restart-service", target: "cron.service" };
  const filter = { only: [], packages: [], libraries: [], units: [], kinds: [], restarts: ["*n*"], cves: [] };
  const units = [
    { name: "nginx.service", why: null },
    { name: "cron.service", why: null },
    { name: "postgresql.service", why: "the agent's file protects postgresql.service" },
  ];

  /** Hosts whose agents say that these run. */
  async function running(found: typeof units) {
    const on = await fleet();
    for (const name of NAMES) {
      const link = await on.run.connect(name);
      answering(on.run, name, link, on.now);
      const { send } = link;
      link.send = (message) => {
        send.call(link, message);
        if (message.kind !== "probe") return;
        const { requestId } = message;
        const answer = { why: null, failedUnits: [], ports: [], units: found };
        void on.run.says(name, link, { kind: "probe-result", requestId, answer });
      };
    }
    return on;
  }

  test("are its steps, old or not, and permits say so; what the host keeps is told", async () => {
    const { bench, run, start } = await running(units);
    const { plan } = await start("", { filter });
    expect(plan.hosts[0]).toMatchObject({
      steps: [NGINX, CRON],
      leave: [{ kind: "restart-service", target: "ssh.service" }],
      residue: ["postgresql.service"],
    });
    const stored = await bench.store.load(plan.id);
    const permitted = stored?.events.find((event) => event.type === "permitted");
    const permit = permitted && permitOf(await run.engine.view(plan.id), permitted);
    expect(permit).toMatchObject({ isOrdered: true, steps: [NGINX, CRON], reboot: { mode: "never" } });
  });

  test("are named by nobody: refused, and so is any other filter beside it", async () => {
    const { start } = await running([]);
    const refused = { message: expect.stringContaining("no running service is called '*n*'") };
    await expect(start("", { filter })).rejects.toMatchObject(refused);
    const both = { filter: { ...filter, units: ["ssh"] } };
    await expect(start("", both)).rejects.toMatchObject({
      message: expect.stringContaining("go with no other filter"),
    });
  });
});

describe("a host that cannot be planned", () => {
  test.each<[string, (bench: Awaited<ReturnType<typeof fleet>>) => unknown, RegExp]>([
    ["is not connected", ({ run }) => run.fleet.reset("web2", "gone"), /^not connected$/],
    ["cannot scan", ({ now }) => now.set("web2", "/proc is not mounted"), /^scan failed: \/proc is not mounted$/],
    ["does not answer", ({ now }) => now.set("web2", null), /^did not answer a scan request$/],
    [
      "is cordoned",
      ({ bench }) => bench.db.prepare("UPDATE hosts SET state = 'cordoned' WHERE id = 'web2'").run(),
      /^cordoned$/,
    ],
    [
      "is quarantined",
      ({ bench }) => bench.db.prepare("UPDATE hosts SET state = 'quarantined' WHERE id = 'web2'").run(),
      /^quarantined$/,
    ],
    [
      "sends what cannot be read",
      async ({ now }) => now.set("web2", { ...(await oldUnits()), body: new Uint8Array([1]) }),
      /^its report cannot be read: /,
    ],
  ])("because it %s is uncovered with that reason, never planned from an older report", async (_name, change, why) => {
    const bench = await fleet();
    await bench.plan();
    await change(bench);
    const { promise, resolve } = Promise.withResolvers<FleetPlan>();
    void bench.plan().then(resolve);
    let made: FleetPlan | null = null;
    void promise.then((plan) => {
      made = plan;
    });
    await bench.bench.time.run(() => made !== null, 120_000);
    const { hosts, uncovered } = await promise;
    expect(uncovered).toEqual([{ name: "web2", why: expect.stringMatching(why) }]);
    expect(hosts.map(({ host }) => host.name)).toEqual(["web1", "web3"]);
  });

  test("that is revoked is in no selection", async () => {
    const bench = await fleet();
    await bench.bench.hosts.revoke("web2", { actor: "user/ada", at: 0 });
    expect((await bench.plan()).hosts.map(({ host }) => host.name)).toEqual(["web1", "web3"]);
  });
});

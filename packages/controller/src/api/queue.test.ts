import { sha256 } from "@afterpatch/agent/session/report";
import type { ScanReport } from "@afterpatch/core/session";
import { describe, expect, test } from "vitest";
import { ControllerBench, type ControllerRun, FakeLink } from "../../../../test/fakes/controller.ts";
import { permitOf, states } from "../../../../test/fakes/fleet.ts";
import { notDone, oldUnits, verified } from "../../../../test/fakes/reports.ts";
import { abortOrder } from "../rollouts/orders.ts";
import { ShownPlans } from "../rollouts/shown-plans.ts";
import { startRollout } from "./start-rollout.ts";

const CLEAN = await oldUnits();
const OLD = await oldUnits("ssh.service");
const MORE = await oldUnits("ssh.service", "nginx.service");

/** Two hosts of which web1 is in hand of a first rollout. `now`: how each is at a scan. */
async function fleet() {
  const bench = await ControllerBench.with(["web1", "web2"]);
  const now = new Map<string, ScanReport>([
    ["web1", OLD],
    ["web2", OLD],
  ]);
  const connected = async (run: ControllerRun, name: string) => {
    const link = new FakeLink();
    const send = link.send.bind(link);
    link.send = (message) => {
      const report = now.get(name);
      if (message.kind !== "scan" || !report) return send(message);
      void run.says(name, link, { kind: "report", report, requestId: message.requestId });
    };
    // It answers from its first moment on: what waits for it asks at once.
    run.fleet.attach(name, link);
    const hello = { kind: "hello", agentVersion: "0.1.0", bootId: "b1", epoch: run.epoch, permits: [] } as const;
    await run.says(name, link, hello);
    return link;
  };
  const run = await bench.start();
  const [web1, web2] = [await connected(run, "web1"), await connected(run, "web2")];
  let requests = 0;
  const start = async (pattern: string, change: object = {}) => {
    requests += 1;
    const live = {
      hosts: bench.hosts,
      fleet: run.fleet,
      scans: run.scans,
      probes: run.probes,
      engine: run.engine,
      clock: run.clock,
    };
    const deps = {
      ...live,
      operators: { byName: async () => null },
      sha256,
      shown: new ShownPlans(),
      ownBootId: null,
      hooksDir: "/hooks",
    };
    const request = { pattern, serial: "1", maxFail: 0, reason: `reason ${requests}`, name: "", maxHosts: 0 };
    const rest = {
      expectedDigest: "",
      allowNew: false,
      requestId: `request-${requests}`,
      rolloutFile: "",
      retryOf: "",
    };
    return (await startRollout(deps, { ...request, ...rest, queue: true, ...change }, "ops", async () => {})).plan.id;
  };
  const first = await start("web1");
  /** The first rollout ends, and web1 is like this at the next scan. */
  const ends = async (then: ScanReport) => {
    now.set("web1", then);
    await run.tells("web1", web1, verified(permitOf(web1), CLEAN));
  };
  return { bench, run, now, connected, web1, web2, start, first, ends };
}

/** Lets whatever was begun beside the engine's queue come to rest. */
async function settled({ time }: ControllerBench, run: ControllerRun, id: string, state: string): Promise<void> {
  await time.run(() => false, 0);
  expect(await run.engine.view(id)).toMatchObject({ state });
}

describe("a rollout over hosts of another one", () => {
  test("is refused where it was not told to wait", async () => {
    const { start } = await fleet();
    await expect(start("all", { queue: false })).rejects.toMatchObject({ code: "hosts-held" });
  });

  test("waits, says for whom, and begins by the plan of then", async () => {
    const { bench, run, web2, start, first, ends } = await fleet();
    const id = await start("all");
    expect(await states(run, id)).toBe("planned pending pending");
    expect((await run.engine.view(id)).why).toBe(`waits for its hosts: web1: held by rollout ${first} (reason 1)`);
    expect(web2.permits()).toEqual([]);
    await ends(CLEAN);
    await settled(bench, run, id, "running");
    expect(await states(run, id)).toBe("running done permitted");
    expect((await run.engine.view(id)).plan.hosts.map(({ steps }) => steps.length)).toEqual([0, 1]);
  });

  test.each<[string, ScanReport, object, string]>([
    ["as it was planned", OLD, {}, "running"],
    ["with more to do", MORE, {}, "aborted"],
    ["with more to do, which is allowed", MORE, { allowNew: true }, "running"],
  ])("that then is %s", async (_name, then, change, state) => {
    const { bench, run, start, ends } = await fleet();
    const id = await start("all", change);
    await ends(then);
    await settled(bench, run, id, state);
    const { why } = await run.engine.view(id);
    if (state === "aborted") {
      const news = "restart-service nginx.service on web1";
      expect(why).toBe(`stale: once its hosts were free there was more to do than was planned: ${news}`);
    }
  });

  test("holds them against who comes later, and those wait in turn", async () => {
    const { bench, run, start, ends } = await fleet();
    const second = await start("web1");
    await expect(start("web1", { queue: false })).rejects.toMatchObject({ code: "hosts-held" });
    const third = await start("web1");
    await ends(OLD);
    await settled(bench, run, second, "running");
    expect((await run.engine.view(third)).why).toContain("held by rollout");
    expect(await states(run, third)).toBe("planned pending");
  });

  test("is aborted while it waits, and holds nothing any more", async () => {
    const { run, start } = await fleet();
    const id = await start("all");
    await run.engine.order(id, abortOrder("eve", "wrong day"));
    expect(await run.engine.view(id)).toMatchObject({ state: "aborted", why: "aborted by eve: wrong day" });
    expect(await states(run, await start("web2", { queue: false }))).toBe("running permitted");
  });

  test("waits on over the controller's restart, and for hosts that may be coming back", async () => {
    const { bench, connected, run, start, ends } = await fleet();
    const id = await start("all");
    await ends(OLD);
    await run.engine.stop();
    bench.time.after(1_000, () => undefined);
    await bench.time.run(() => false, 1_000);
    const again = await bench.start();
    expect(await states(again, id)).toBe("planned pending pending");
    await settled(bench, again, id, "planned");
    expect((await again.engine.view(id)).why).toBe("2 hosts may be coming back still");
    for (const name of ["web1", "web2"]) await connected(again, name);
    await bench.time.run(() => false, 10_000);
    await settled(bench, again, id, "running");
    expect(await states(again, id)).toBe("running permitted pending");
  });
});

describe("a rollout that is retried", () => {
  test("is ordered again over the hosts that did not end done", async () => {
    const { run, now, web1, start, first } = await fleet();
    await expect(start("", { retryOf: first })).rejects.toMatchObject({ code: "wrong-state" });
    await run.tells("web1", web1, notDone(permitOf(web1), "failed", "step-failed"));
    expect(await states(run, first)).toBe("halted failed");
    now.set("web1", MORE);
    const id = await start("", { retryOf: first, reason: "" });
    const { plan, hosts } = await run.engine.view(id);
    expect(hosts.map(({ name, state }) => `${name} ${state}`)).toEqual(["web1 permitted"]);
    expect(plan).toMatchObject({ pattern: "web1", reason: "reason 1", order: { serial: "1", rolloutFile: "" } });
  });

  test("keeps its filter, and its hosts that could not be covered", async () => {
    const { run, now, web1, start, ends } = await fleet();
    await ends(MORE);
    run.fleet.reset("web2", "gone");
    const filter = { only: [], packages: [], libraries: [], units: ["ssh"], kinds: [], restarts: [], cves: [] };
    const id = await start("all", { filter });
    await run.tells("web1", web1, notDone(permitOf(web1), "failed", "step-failed"));
    expect((await run.engine.view(id)).plan.uncovered).toMatchObject([{ name: "web2" }]);
    now.set("web2", MORE);
    const again = await run.engine.view(await start("", { retryOf: id }));
    expect(again.plan.hosts.map(({ name, steps }) => [name, steps.map(({ target }) => target)])).toEqual([
      ["web1", ["ssh.service"]],
    ]);
    expect(again.plan.uncovered).toMatchObject([{ name: "web2" }]);
  });

  test.each<[string, string, string]>([
    ["of no rollout", "no-such", "not-found"],
    ["of which all ended done", "first", "selection-empty"],
  ])("%s is refused", async (_name, which, code) => {
    const { start, first, ends } = await fleet();
    await ends(CLEAN);
    await expect(start("", { retryOf: which === "first" ? first : which })).rejects.toMatchObject({ code });
  });
});

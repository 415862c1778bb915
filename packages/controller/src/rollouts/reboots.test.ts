import { DEFAULT_REBOOT, NO_REBOOT } from "@afterpatch/core/plan/reboot";
import type { PermitUpdate } from "@afterpatch/core/session";
import { describe, expect, test } from "vitest";
import { ControllerBench, type ControllerRun, type FakeLink } from "../../../../test/fakes/controller.ts";
import { permitOf, states } from "../../../../test/fakes/fleet.ts";
import { bootedReport, notDone, underWay, verified } from "../../../../test/fakes/reports.ts";
import { NEW_KERNEL, OLD_KERNEL, type RolloutOrder, rolloutPlan, TIMING } from "../../../../test/fakes/rollout.ts";

const HOSTS = ["web1", "web2", "web3"];
const NEW = { running: NEW_KERNEL, expected: NEW_KERNEL, verdict: "current" } as const;
const BOOTED = await bootedReport({}, "b2", NEW);
const MINUTE = 60_000;

/** Three hosts that are to be rebooted, connected, and past the brake. */
async function fleet(order: RolloutOrder | null = {}) {
  const bench = await ControllerBench.with(HOSTS);
  const run = await bench.start();
  const links = new Map<string, FakeLink>();
  for (const name of HOSTS) links.set(name, await run.connect(name));
  await pass(bench, 10_000);
  if (order) await run.engine.start(rolloutPlan({ hosts: HOSTS, rebooted: HOSTS, ...order }), "request-1");
  const link = (name: string): FakeLink => {
    const found = links.get(name);
    if (!found) throw new Error(`${name} is not connected`);
    return found;
  };
  return { bench, run, link };
}

function pass(bench: ControllerBench, ms: number): Promise<boolean> {
  bench.time.after(ms, () => {});
  return bench.time.run(() => false, ms);
}

async function host(run: ControllerRun, name = "web1", id = "r1") {
  return (await run.engine.view(id)).hosts.find((one) => one.name === name);
}

describe("a permit with a reboot", () => {
  test("carries the order, and lasts so much longer", async () => {
    const { bench, run, link } = await fleet({ reboot: { delayMs: 5 * MINUTE } });
    const [permit] = link("web1").heard.flatMap((m) => (m.kind === "permit" ? [m.permit] : []));
    expect(permit).toMatchObject({
      deadlineMs: TIMING.deadlineMs + 5 * MINUTE,
      reboot: { ...DEFAULT_REBOOT, delayMs: 5 * MINUTE },
    });
    const endBy = bench.time.now() + TIMING.beginWithinMs + TIMING.deadlineMs + (5 + 20 + 1) * MINUTE;
    expect((await host(run))?.permit?.endBy).toBe(endBy);
  });

  test("is none for a host whose plan was shown without a reboot", async () => {
    const { link } = await fleet({ rebooted: ["web2"] });
    expect(link("web1").heard.at(-1)).toMatchObject({ kind: "permit", permit: { reboot: NO_REBOOT } });
  });

  test("goes from state to state, however many of them are seen", async () => {
    const { run, link } = await fleet();
    const permit = permitOf(link("web1"));
    const seen: (string | undefined)[] = [];
    for (const state of ["acting", "returning", "acting", "settling", "returning", "verifying"] as const) {
      await run.tells("web1", link("web1"), underWay(permit, state));
      seen.push((await host(run))?.state);
    }
    expect(seen).toEqual(["acting", "returning", "returning", "settling", "settling", "verifying"]);
    await run.tells("web1", link("web1"), verified(permit, BOOTED));
    expect(await states(run)).toBe("running done pending pending");
  });

  test("survives the controller that issued it with its deadline", async () => {
    const { bench, run, link } = await fleet();
    await run.tells("web1", link("web1"), underWay(permitOf(link("web1")), "returning"));
    const endBy = (await host(run))?.permit?.endBy;
    const later = await bench.start();
    expect((await host(later))?.permit?.endBy).toBe(endBy);
  });

  test("whose host loses its memory over the reboot is not issued anew: it would reboot again and again", async () => {
    const { bench, run, link } = await fleet({ ramp: [2], maxFail: 1 });
    await run.tells("web1", link("web1"), underWay(permitOf(link("web1")), "returning"));
    await run.lose("web1", link("web1"));
    await pass(bench, 10_000);
    await run.tells("web2", link("web2"), underWay(permitOf(link("web2"))));
    await pass(bench, 33 * MINUTE);
    await run.tells("web2", link("web2"), underWay(permitOf(link("web2")), "settling"));
    await pass(bench, 55_000);
    expect(await states(run)).toBe("running unreachable settling pending");
    expect((await run.connect("web1", [], "b2")).permits()).toEqual([]);
    expect(await host(run)).toMatchObject({ state: "unreachable", reason: "not back 23 min after its reboot began" });
  });
});

describe("the brake over all rollouts", () => {
  const at = (links: readonly FakeLink[]) => links.map((one) => one.permits().length).join(" ");

  test("lets one reboot begin every ten seconds, in whichever rollout", async () => {
    const { bench, run, link } = await fleet({ hosts: ["web1", "web2"], ramp: [2] });
    await run.engine.start(rolloutPlan({ id: "r2", hosts: ["web3"], rebooted: ["web3"] }), "request-2");
    const all = HOSTS.map(link);
    expect(at(all)).toBe("1 0 0");
    expect((await run.engine.view("r2")).why).toBe("a reboot begins every 10 s at most: web3");
    await pass(bench, 9_999);
    expect(at(all)).toBe("1 0 0");
    await pass(bench, 1);
    expect(at(all)).toBe("1 1 0");
    await pass(bench, 10_000);
    expect(at(all)).toBe("1 1 1");
  });

  test.each([
    ["as it was", 0],
    ["stepped back", -86_400_000],
    ["stepped forward", 86_400_000],
  ])("holds after a restart of the controller, its clock %s", async (_name, clockOff) => {
    const { bench } = await fleet({ ramp: [2] });
    bench.clockOff = clockOff;
    const later = await bench.start();
    const web2 = await later.connect("web2");
    await pass(bench, 9_999);
    expect(web2.permits()).toEqual([]);
    await pass(bench, 1);
    expect(web2.permits()).toHaveLength(1);
  });
});

describe("the controller's own host", () => {
  const OWN = { rebooted: ["web1"], controllerOn: "web1", ramp: [3] };

  test("is rebooted last, and the rollout goes on after it is back", async () => {
    const { bench, run, link } = await fleet(OWN);
    for (const name of ["web2", "web3"]) await run.tells(name, link(name), verified(permitOf(link(name)), BOOTED));
    const permit = permitOf(link("web1"));
    await run.tells("web1", link("web1"), underWay(permit, "returning"));
    const later = await bench.start();
    const back = await later.connect("web1", [underWay(permit, "returning")], "b2");
    await later.tells("web1", back, verified(permit, BOOTED));
    expect(await states(later)).toBe("finished done done done");
  });

  test("is alone over all rollouts: it waits for theirs, and they wait for it", async () => {
    const { bench, run, link } = await fleet({ ...OWN, hosts: ["web1"] });
    expect(link("web1").permits()).toHaveLength(1);
    await run.engine.start(rolloutPlan({ id: "r2", hosts: ["web2"] }), "request-2");
    expect((await run.engine.view("r2")).why).toBe("nothing begins until web1 is back, on which the controller runs");
    await run.tells("web1", link("web1"), notDone(permitOf(link("web1")), "refused", "cap"));
    expect(link("web2").permits()).toHaveLength(1);
    await pass(bench, 10_000);
    expect((await run.engine.view("r1")).why).toMatch(/^web1 is rebooted alone, .*: waits for web2$/);
    await run.tells("web2", link("web2"), verified(permitOf(link("web2")), BOOTED));
    await pass(bench, 10_000);
    expect(link("web1").permits()).toHaveLength(2);
  });
});

describe("the proof of a reboot", () => {
  type Order = RolloutOrder & { readonly unknown?: true };
  const kernel = (running: string, verdict: "current" | "outdated" | "unknown") => ({ running, verdict });
  test.each<[string, Order, Parameters<typeof bootedReport>, string, string]>([
    ["a new boot of the planned kernel", {}, [{}, "b2", NEW], "done", ""],
    [
      "the boot of the permit",
      {},
      [{}, "b1", NEW],
      "failed",
      "not-rebooted: the proof is of the boot that the permit was for",
    ],
    ["no boot id", {}, [{}, "", NEW], "failed", "not-rebooted: the proof is of the boot that the permit was for"],
    [
      "the old kernel again",
      {},
      [{}, "b2", kernel(OLD_KERNEL, "outdated")],
      "failed",
      `wrong-kernel: ${OLD_KERNEL} runs, ${NEW_KERNEL} was to come up`,
    ],
    ["a newer kernel that came meanwhile", {}, [{}, "b2", kernel("6.1.0-3-amd64", "current")], "done", ""],
    [
      "another kernel of which nothing is known",
      {},
      [{}, "b2", kernel("6.1.0-3-amd64", "unknown")],
      "failed",
      `wrong-kernel: 6.1.0-3-amd64 runs, ${NEW_KERNEL} was to come up`,
    ],
    [
      "the planned kernel, of which nothing is known any more",
      {},
      [{}, "b2", kernel(NEW_KERNEL, "unknown")],
      "done",
      "",
    ],
    [
      "a service that is old again",
      {},
      [{ units: [{ name: "ssh.service", isOld: true }] }, "b2", NEW],
      "failed",
      "findings-left: the proof still asks for restart-service ssh.service",
    ],
    ["an application that nobody may touch", {}, [{ residue: ["cron job"] }, "b2", NEW], "done", ""],
    [
      "ordered, with no kernel known: the same release",
      { unknown: true },
      [{}, "b2", kernel(OLD_KERNEL, "unknown")],
      "done",
      "",
    ],
    [
      "ordered, with no kernel known: another release",
      { unknown: true },
      [{}, "b2", kernel(NEW_KERNEL, "current")],
      "failed",
      `wrong-kernel: ${NEW_KERNEL} runs, ${OLD_KERNEL} was to come up`,
    ],
    [
      "a soft reboot: the same kernel in the same boot",
      { reboot: { method: "soft-reboot" } },
      [{}, "b1", kernel(OLD_KERNEL, "outdated")],
      "done",
      "",
    ],
    [
      "a soft reboot that left something old",
      { reboot: { method: "soft-reboot" } },
      [{ isInitOld: true }, "b1", kernel(OLD_KERNEL, "current")],
      "failed",
      "findings-left: the proof still asks for reexec init",
    ],
    ["a new kernel by kexec", { reboot: { method: "kexec" } }, [{}, "b2", NEW], "done", ""],
  ])("%s", async (_name, order, report, state, reason) => {
    const { run, link } = await fleet(null);
    const plan = rolloutPlan({ hosts: ["web1"], rebooted: ["web1"], ...order });
    const hosts = plan.hosts.map((one) => (order.unknown ? { ...one, expectedKernel: null } : one));
    await run.engine.start({ ...plan, hosts }, "request-1");
    await run.tells("web1", link("web1"), verified(permitOf(link("web1")), await bootedReport(...report)));
    expect(await host(run)).toMatchObject({ state, reason });
  });

  const skipped = {
    kind: "reboot",
    target: "host",
    outcome: "skipped",
    evidence: "",
    startedAt: 0,
    elapsedMs: 0,
  } as const;
  test.each<[string, RolloutOrder, Parameters<typeof bootedReport>, string]>([
    ["nothing is left to reboot it for", {}, [{}, "b1", NEW], "done"],
    ["it came up with the old kernel", {}, [{}, "b1", kernel(OLD_KERNEL, "outdated")], "failed"],
    ["an order to reboot it stands", { reboot: { mode: "always" } }, [{}, "b1", NEW], "failed"],
  ])("where somebody rebooted the host before us: %s", async (_name, order, report, state) => {
    const { run, link } = await fleet(order);
    const done = verified(permitOf(link("web1")), await bootedReport(...report));
    await run.tells("web1", link("web1"), { ...done, steps: [skipped] });
    expect((await host(run))?.state).toBe(state);
  });

  test.each<[string, Extract<PermitUpdate, { state: "finished" }>, string, string]>([
    ["wrong-kernel", notDone("", "failed", "wrong-kernel"), "failed", "wrong-kernel: why"],
    ["second-boot", notDone("", "failed", "second-boot"), "failed", "second-boot: why"],
    ["not-rebooted", notDone("", "failed", "not-rebooted"), "failed", "not-rebooted: why"],
    ["scheduled-shutdown", notDone("", "refused", "scheduled-shutdown"), "vetoed", "scheduled-shutdown: why"],
    ["boot-files", notDone("", "refused", "boot-files"), "vetoed", "boot-files: why"],
    ["cancelled", notDone("", "failed", "cancelled"), "vetoed", "cancelled: why"],
  ])("the host's own word %s", async (_name, update, state, reason) => {
    const { run, link } = await fleet();
    const permitId = permitOf(link("web1"));
    await run.tells("web1", link("web1"), underWay(permitId, "returning"));
    await run.tells("web1", link("web1"), { ...update, permitId });
    expect(await host(run)).toMatchObject({ state, reason });
  });
});

test("a rollout that an older version stored is taken up, and reboots nothing", async () => {
  const bench = await ControllerBench.with(["web1"]);
  const { reboot: _, hosts, ...plan } = rolloutPlan({ hosts: ["web1"] });
  const old = hosts.map(({ hostId, name, digest, steps, residue }) => ({ hostId, name, digest, steps, residue }));
  const stored = JSON.stringify({ ...plan, hosts: old });
  bench.db
    .prepare("INSERT INTO rollouts (id, request_id, created_at, plan, state) VALUES ('r1','q',1,?,'open')")
    .run(stored);
  const begun = JSON.stringify({ type: "started", at: 1 });
  bench.db.prepare("INSERT INTO rollout_events (rollout_id, seq, at, body) VALUES ('r1',1,1,?)").run(begun);
  const run = await bench.start();
  const web1 = await run.connect("web1");
  expect(web1.heard).toMatchObject([{ kind: "permit", permit: { reboot: NO_REBOOT } }]);
  expect((await run.engine.recent(1))[0]?.plan.hosts[0]).toMatchObject({
    expectedKernel: null,
    holdsController: false,
  });
});

import { sha256 } from "@afterpatch/agent/session/report";
import { describe, expect, test } from "vitest";
import { ControllerBench } from "../../../../test/fakes/controller.ts";
import { CLEAN, permitOf, states } from "../../../../test/fakes/fleet.ts";
import { oldUnits, verified } from "../../../../test/fakes/reports.ts";
import { approveOrder } from "../rollouts/orders.ts";
import { ShownPlans } from "../rollouts/shown-plans.ts";
import { orderOrRefuse } from "./order.ts";
import { planOrRefuse, startRollout } from "./start-rollout.ts";

const HEAD = "apiVersion: afterpatch/v1\nkind: Rollout\nreason: DSA-6001\n";
const NAMES = ["db1", "web1", "web2"];

/** Three hosts that run old code, each connected. */
async function fleet() {
  const bench = await ControllerBench.with(NAMES);
  const run = await bench.start();
  const report = await oldUnits("ssh.service");
  const links = new Map<string, Awaited<ReturnType<typeof run.connect>>>();
  for (const name of NAMES) {
    const link = await run.connect(name);
    const send = link.send.bind(link);
    link.send = (message) => {
      if (message.kind === "scan") void run.says(name, link, { kind: "report", report, requestId: message.requestId });
      else send(message);
    };
    links.set(name, link);
  }
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
    hooksDir: "/etc/afterpatch/hooks",
  };
  const request = (file: string, pattern = "all") => ({
    ...{ pattern, serial: "", maxFail: 0, reason: "", name: "", maxHosts: 0, expectedDigest: "", allowNew: false },
    ...{ requestId: "request-1", retryOf: "", queue: false, rolloutFile: HEAD + file },
  });
  const plan = async (file: string, pattern?: string) =>
    (await planOrRefuse(deps, orderOrRefuse(request(file, pattern)).fleet)).plan;
  const start = (file: string) =>
    startRollout(deps, request(file, file.startsWith("select") ? "" : "all"), "ops", async () => {});
  const ends = async (name: string) => {
    const link = links.get(name);
    if (link) await run.tells(name, link, verified(permitOf(link), CLEAN));
  };
  return { bench, run, plan, start, ends };
}

const TWO_WAVES = `waves:
  - {name: canary, select: web2, approve: manual}
  - {name: rest, ramp: [50%]}
`;

test("hosts come in the order of their waves, with sizes that are integers", async () => {
  const { plan } = await fleet();
  const made = await plan(TWO_WAVES);
  expect(made.hosts.map(({ host }) => host.name)).toEqual(["web2", "db1", "web1"]);
  expect(made.shape?.waves.map(({ name, ramp }) => ({ name, ramp }))).toEqual([
    { name: "canary", ramp: [1] },
    { name: "rest", ramp: [1] },
  ]);
});

test("another wave or budget is another plan; hosts that no wave names are not covered", async () => {
  const { plan } = await fleet();
  const digests = new Set<string>();
  for (const file of ["", TWO_WAVES, `${TWO_WAVES}budgets: [{maxUnavailable: 1}]\n`])
    digests.add((await plan(file)).digest);
  expect(digests.size).toBe(3);
  expect((await plan("waves: [{name: web, select: 'web*'}]\n")).uncovered).toEqual([
    { name: "db1", why: "no wave of the file names it" },
  ]);
});

test("the pattern of a file is taken where the request has none", async () => {
  const { plan } = await fleet();
  expect((await plan("select: 'web*'\n", "")).hosts.map(({ host }) => host.name)).toEqual(["web1", "web2"]);
  expect((await plan("select: 'web*'\n", "db1")).hosts.map(({ host }) => host.name)).toEqual(["db1"]);
});

test("the second wave begins when the first has ended and somebody approves of it", async () => {
  const { run, start, ends } = await fleet();
  const { plan } = await start(TWO_WAVES);
  expect(plan).toMatchObject({ reason: "DSA-6001", name: "DSA-6001" });
  expect(await states(run, plan.id)).toBe("running permitted pending pending");
  await ends("web2");
  expect(await states(run, plan.id)).toBe("waiting-approval done pending pending");
  await expect(run.engine.order(plan.id, approveOrder("eve", "rest"))).rejects.toMatchObject({ code: "wrong-state" });
  await run.engine.order(plan.id, approveOrder("ci", "", true)); // somebody is a machine too
  expect(await states(run, plan.id)).toBe("running done permitted pending");
});

test("a gate of a second person is not opened by whoever started the rollout, also after the controller's restart", async () => {
  const { bench, run, start, ends } = await fleet();
  const { plan } = await start(TWO_WAVES.replace("manual", "second-person"));
  await ends("web2");
  expect((await run.engine.view(plan.id)).why).toBe("wave canary waits for an approval by another person than ops");
  await run.engine.stop();
  const again = await bench.start();
  for (const wave of ["", "canary"])
    await expect(again.engine.order(plan.id, approveOrder("ops", wave))).rejects.toMatchObject({
      code: "wrong-state",
      message: expect.stringContaining("approved of by another person than ops, who started the rollout"),
    });
  await expect(again.engine.order(plan.id, approveOrder("ci", "", true))).rejects.toMatchObject({
    code: "wrong-state",
    message: expect.stringContaining("approved of by a person, and ci is a machine"),
  });
  expect(await states(again, plan.id)).toBe("waiting-approval done pending pending");
  await again.engine.order(plan.id, approveOrder("eve", ""));
  expect((await again.engine.view(plan.id)).state).toBe("running");
});

test("the gate stands over the controller's restart", async () => {
  const { bench, run, start, ends } = await fleet();
  const { plan } = await start(TWO_WAVES);
  await ends("web2");
  await run.engine.stop();
  const again = await bench.start();
  expect(await states(again, plan.id)).toBe("waiting-approval done pending pending");
  expect((await again.engine.view(plan.id)).why).toBe("wave canary waits for an approval");
});

describe("refused before anything begins", () => {
  test.each<[string, string, string, string]>([
    ["a mistake in the file", "wave: []\n", "bad-argument", "rollout file:4: wave: unknown key"],
    [
      "a wave that names nobody",
      "waves: [{name: a, select: mail}]\n",
      "selection-empty",
      "rollout file:4: waves[0].select: nothing matches 'mail'",
    ],
    [
      "a budget over nobody",
      "budgets:\n  - {maxUnavailable: 1}\n  - {select: mail, maxUnavailable: 1}\n",
      "selection-empty",
      "rollout file:6: budgets[1].select: nothing matches 'mail'",
    ],
    [
      "a pattern that is the file's",
      "select: mail\n",
      "selection-empty",
      "rollout file:4: select: nothing matches 'mail'",
    ],
    ["an outage", "budgets: [{select: db1, maxUnavailable: 1}]\n", "bad-argument", "accept it with acceptOutage: true"],
    [
      "hooks",
      "hooks: {drain: {command: [/bin/true]}, undrain: {command: [/bin/true]}}\n",
      "bad-argument",
      "hooks.drain.command: /bin/true is not in /etc/afterpatch/hooks",
    ],
    [
      "a check's program",
      "health: {after: [{command: [/etc/afterpatch/hooks/../x]}]}\n",
      "bad-argument",
      "health.after[0].command: /etc/afterpatch/hooks/../x is not in /etc/afterpatch/hooks",
    ],
    [
      "a CVE that nothing was fixed for",
      "actions: {cves: [CVE-2026-1234]}\n",
      "selection-empty",
      "filter: nothing that runs old code was fixed for CVE-2026-1234, by the changelogs of its packages",
    ],
    [
      "a filter that nothing matches",
      "actions: {units: [sshd]}\n",
      "selection-empty",
      "filter: no unit that runs old code matches 'sshd' (nearest: 'ssh')",
    ],
    [
      "a filter with new work",
      "actions: {units: [ssh], allowNew: true}\n",
      "bad-argument",
      "allow-new does not go with a filter",
    ],
  ])("%s", async (_name, file, code, why) => {
    const { start, run } = await fleet();
    const refused = await start(file).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code, message: expect.stringContaining(why) });
    expect(await run.engine.recent(9)).toEqual([]);
  });
});

import { sha256 } from "@afterpatch/agent/session/report";
import { DEFAULT_REBOOT, NO_REBOOT, type RebootOrder } from "@afterpatch/core/plan/reboot";
import type { ScanReport } from "@afterpatch/core/session";
import { rebootToWire } from "@afterpatch/wire/convert/reboot";
import { expect, test } from "vitest";
import { ControllerBench } from "../../../../test/fakes/controller.ts";
import { oldKernel, oldUnits, reportFrom } from "../../../../test/fakes/reports.ts";
import { NEW_KERNEL, OLD_KERNEL } from "../../../../test/fakes/rollout.ts";
import { ShownPlans } from "../rollouts/shown-plans.ts";
import { planOrRefuse, startRollout } from "./start-rollout.ts";

const ALWAYS: RebootOrder = { ...DEFAULT_REBOOT, mode: "always" };

/** Hosts with these reports; the first of them is the controller's own. */
async function fleet(reports: Readonly<Record<string, ScanReport>>) {
  const names = Object.keys(reports);
  const bench = await ControllerBench.with(names);
  const run = await bench.start();
  for (const [name, report] of Object.entries(reports)) {
    const link = await run.connect(name, [], `boot-of-${name}`);
    link.send = (message) => {
      if (message.kind !== "scan") return;
      void run.says(name, link, { kind: "report", report, requestId: message.requestId });
    };
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
    sha256,
    shown: new ShownPlans(),
    operators: { byName: async () => null },
    ownBootId: `boot-of-${names[0]}`,
    hooksDir: "/etc/afterpatch/hooks",
  };
  const plan = async (order = DEFAULT_REBOOT) => {
    const made = (await planOrRefuse(deps, { pattern: "all", serial: "9", reboot: order, spec: null })).plan;
    deps.shown.add(made);
    return made;
  };
  const start = (expectedDigest: string, order: RebootOrder) => {
    const about = { pattern: "all", serial: "9", maxFail: 0, reason: "DSA-6001", name: "", maxHosts: 0 };
    const rest = {
      expectedDigest,
      allowNew: false,
      requestId: "request-1",
      reboot: rebootToWire(order),
      retryOf: "",
      queue: false,
      rolloutFile: "",
    };
    return startRollout(deps, { ...about, ...rest }, "ops", async () => {});
  };
  return { plan, start };
}

const steps = (made: Awaited<ReturnType<Awaited<ReturnType<typeof fleet>>["plan"]>>) =>
  made.hosts.map(({ host, plan }) => `${host.name}: ${plan.steps.map(({ id }) => id).join(" ")}`);

const THREE = {
  ctl: await oldKernel("b1", "ssh.service"),
  web1: await oldKernel("b1"),
  web2: await oldUnits("ssh.service"),
};

test.each<[string, RebootOrder, readonly string[]]>([
  [
    "where it is required, the controller's own host last",
    DEFAULT_REBOOT,
    ["web1: reboot:host", "web2: restart-service:ssh.service", "ctl: reboot:host"],
  ],
  [
    "never: in the order of the selection",
    NO_REBOOT,
    ["ctl: restart-service:ssh.service", "web1: ", "web2: restart-service:ssh.service"],
  ],
  [
    "by a method that replaces no kernel: for a kernel alone never",
    { ...DEFAULT_REBOOT, method: "soft-reboot" },
    ["ctl: restart-service:ssh.service", "web1: ", "web2: restart-service:ssh.service"],
  ],
  ["always, whatever they need", ALWAYS, ["web1: reboot:host", "web2: reboot:host", "ctl: reboot:host"]],
])("reboots %s", async (_name, order, expected) => {
  const { plan } = await fleet(THREE);
  expect(steps(await plan(order))).toEqual(expected);
});

test("the plan says which host the controller runs on, and the rollout keeps it with both kernels", async () => {
  const { plan, start } = await fleet(THREE);
  const made = await plan();
  const why = made.hosts.map(
    ({
      plan: {
        steps: [first],
      },
    }) => first?.because.includes("The controller runs on this host"),
  );
  expect(why).toEqual([false, false, true]);
  const { plan: frozen } = await start(made.digest, DEFAULT_REBOOT);
  expect(
    frozen.hosts.map(({ name, runningKernel, expectedKernel, holdsController }) => [
      name,
      runningKernel,
      expectedKernel,
      holdsController,
    ]),
  ).toEqual([
    ["web1", OLD_KERNEL, NEW_KERNEL, false],
    ["web2", OLD_KERNEL, OLD_KERNEL, false],
    ["ctl", OLD_KERNEL, NEW_KERNEL, true],
  ]);
  expect(frozen.reboot).toEqual(DEFAULT_REBOOT);
});

test.each<[string, RebootOrder, RebootOrder, "fits" | "stale"]>([
  ["the same order", DEFAULT_REBOOT, DEFAULT_REBOOT, "fits"],
  [
    "another message, delay, time and method",
    ALWAYS,
    { ...ALWAYS, message: "soon", delayMs: 1, withinMs: 1, method: "kexec" },
    "stale",
  ],
  ["reboots where none were shown", NO_REBOOT, DEFAULT_REBOOT, "stale"],
  ["an order to reboot where it was required anyway: it holds also when that is gone", DEFAULT_REBOOT, ALWAYS, "stale"],
  ["reboots where required, where all were ordered", ALWAYS, DEFAULT_REBOOT, "stale"],
  ["sessions ended first", DEFAULT_REBOOT, { ...DEFAULT_REBOOT, sessionsFirst: true }, "stale"],
])("a plan that was shown, and %s", async (_name, shown, started, expected) => {
  // The same steps in each, but where nothing is rebooted.
  const { plan, start } = await fleet({ web1: await oldKernel("b1") });
  const { digest } = await plan(shown);
  const result = start(digest, started);
  if (expected === "fits") await expect(result).resolves.toMatchObject({ plan: { reboot: started } });
  else await expect(result).rejects.toMatchObject({ code: "stale-plan" });
});

test("a method that leaves the kernel is stale where a reboot was shown: it would restart what was not", async () => {
  const { plan, start } = await fleet({ web1: await oldKernel("b1", "ssh.service") });
  const { digest } = await plan();
  const result = start(digest, { ...DEFAULT_REBOOT, method: "soft-reboot" });
  await expect(result).rejects.toMatchObject({ code: "stale-plan" });
});

test("sessions are ended before it where that was asked for, and are a part of it else", async () => {
  const sessions = await reportFrom({ services: [{ name: "imap", old: 2, fresh: 0 }] });
  const { plan } = await fleet({ web1: sessions });
  expect(steps(await plan(ALWAYS))).toEqual(["web1: reboot:host"]);
  expect(steps(await plan({ ...ALWAYS, sessionsFirst: true }))).toEqual(["web1: end-session:imap reboot:host"]);
});

import { systemClock as agentClock } from "@afterpatch/agent/clock";
import { parseConfig } from "@afterpatch/agent/config/parse";
import { enroll } from "@afterpatch/agent/enroll/enroll";
import { loadIdentity } from "@afterpatch/agent/identity/identity";
import { answersOf } from "@afterpatch/agent/probe/probe";
import { dialer } from "@afterpatch/agent/session/dial";
import { reportOf, sha256 } from "@afterpatch/agent/session/report";
import { Session } from "@afterpatch/agent/session/session";
import { NO_RULES } from "@afterpatch/agent/vetoes/rules";
import { agentHandlers } from "@afterpatch/controller/api/agent";
import { Fleet } from "@afterpatch/controller/fleet/fleet";
import { Probes } from "@afterpatch/controller/fleet/probes";
import { Scans } from "@afterpatch/controller/fleet/scans";
import { RolloutEngine } from "@afterpatch/controller/rollouts/engine";
import { buildServices, type ControllerDeps, type Services } from "@afterpatch/controller/services";
import type { HostProbe } from "@afterpatch/core/session";
import { agentService } from "@afterpatch/wire/services";
import { parseToken } from "@afterpatch/wire/token";
import { expect, onTestFinished, test } from "vitest";
import { HandCare } from "../fakes/care.ts";
import { memoryJournal } from "../fakes/journal.ts";
import { fakeHost } from "../fakes/machine.ts";
import { controllerHere, type OpenedController } from "./in-process.ts";
import { newToken, temporaryDirectory } from "./programs.ts";

// Questions to a host: from the controller over the real wire to the agent's own file, and back.

const CHECKS = "checks:\n  - {name: fine, command: [/bin/true]}\n  - {name: slow, command: [/bin/sleep, '600']}\n";
const going = new AbortController().signal;

/** A controller whose register of questions the test holds. */
async function asking() {
  const randomId = () => crypto.randomUUID();
  const parts = Promise.withResolvers<{ fleet: Fleet; probes: Probes }>();
  const services = (deps: ControllerDeps): Services => {
    const { store, clock, epoch, log } = deps;
    const fleet = new Fleet(clock);
    const probes = new Probes(fleet, clock, randomId);
    parts.resolve({ fleet, probes });
    const live = { fleet, clock, epoch, log };
    const proves = () => Promise.reject(new Error("no rollout was ordered"));
    const hands = { randomId, proves, replans: proves, care: new HandCare() };
    const engine = new RolloutEngine({ ...live, ...hands, store: store.rollouts });
    const scans = new Scans(fleet, clock, randomId);
    const about = { controllerVersion: "0", reportIntervalMs: 1_800_000, scanTook: () => undefined };
    const handlers = agentHandlers({
      ...live,
      ...about,
      hosts: store.hosts,
      audit: store.audit,
      scans,
      probes,
      engine,
    });
    const built = buildServices(deps);
    const control = built.fleet.filter(({ definition }) => definition !== agentService);
    const stop = async () => {
      await engine.stop();
      await built.stop();
    };
    return { ...built, fleet: [{ definition: agentService, handlers }, ...control], stop };
  };
  const controller = await controllerHere(services);
  return { controller, ...(await parts.promise) };
}

/** An agent with the checks above; how to end it. */
async function agentOf(controller: OpenedController) {
  const token = parseToken(await newToken(controller));
  if (!token) throw new Error("the controller made no token");
  const address = { host: "localhost", port: controller.ports.enrol };
  const stateDir = await temporaryDirectory();
  const about = { name: "web01", labels: {}, agentVersion: "0" };
  await enroll({ controller: address, token, ...about, stateDir, now: Date.now });
  const identity = await loadIdentity(stateDir);
  const stop = new AbortController();
  onTestFinished(() => stop.abort());
  const machine = fakeHost({}, agentClock).machine();
  const policy = parseConfig(CHECKS, "agent.yaml");
  const session = new Session(
    {
      ...{
        hostId: identity.hostId,
        agentVersion: "0",
        instanceId: crypto.randomUUID(),
        machine,
        rules: NO_RULES,
        sha256,
        reportOf,
      },
      ...{ journal: memoryJournal(), clock: agentClock, connect: dialer(async () => identity), random: Math.random },
      probe: answersOf({
        read: async () => ({ kind: "policy", policy, file: "agent.yaml" }),
        state: () => machine.reboots.state(),
        unit: async (name) => (name === "ssh.service" ? null : `${name} is failed (failed)`),
        units: async () => [],
        mayAct: true,
      }),
      lock: () => () => {},
      log: { info() {}, warn() {}, error() {} },
    },
    stop.signal,
  );
  return { hostId: identity.hostId, ended: session.run(), stop };
}

test("a connected host answers about units, checks and itself; one that is gone does not", async () => {
  const { controller, fleet, probes } = await asking();
  const { hostId, ended, stop } = await agentOf(controller);
  await expect.poll(() => fleet.isConnected(hostId), { timeout: 20_000 }).toBe(true);
  const ask = (probe: HostProbe, timeoutMs = 20_000) => probes.request(hostId, probe, timeoutMs, going);
  const none = { failedUnits: [], ports: [], units: [] };

  expect(await ask({ kind: "unit", name: "ssh.service" })).toEqual({ why: null, ...none });
  expect(await ask({ kind: "unit", name: "x.service" })).toEqual({ why: "x.service is failed (failed)", ...none });
  expect(await ask({ kind: "check", name: "fine" })).toEqual({ why: null, ...none });
  expect(await ask({ kind: "check", name: "other" })).toEqual({ why: "agent.yaml has no check 'other'", ...none });
  expect(await ask({ kind: "check", name: "slow" }, 100)).toEqual({
    why: "did not end within 0.1 s and was ended",
    ...none,
  });
  const { failedUnits, ports } = await fakeHost({}, agentClock).machine().reboots.state();
  expect(await ask({ kind: "snapshot" })).toEqual({ why: null, failedUnits: failedUnits ?? [], ports, units: [] });

  stop.abort();
  await ended;
  await expect.poll(() => ask({ kind: "snapshot" }, 100), { timeout: 20_000 }).toBe("not connected");
});

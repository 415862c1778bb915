import { join } from "node:path";
import { systemClock } from "@afterpatch/agent/clock";
import { enroll } from "@afterpatch/agent/enroll/enroll";
import { loadIdentity } from "@afterpatch/agent/identity/identity";
import { dialer } from "@afterpatch/agent/session/dial";
import { reportOf, sha256 } from "@afterpatch/agent/session/report";
import { Session } from "@afterpatch/agent/session/session";
import { NO_RULES } from "@afterpatch/agent/vetoes/rules";
import { parseToken } from "@afterpatch/wire/token";
import { expect, onTestFinished, test } from "vitest";
import { memoryJournal } from "../fakes/journal.ts";
import { type FakeHostOptions, fakeHost } from "../fakes/machine.ts";
import { cli } from "./cli-process.ts";
import { controllerHere, type OpenedController } from "./in-process.ts";
import { newToken, temporaryDirectory } from "./programs.ts";

// A scan that nobody asked for, and that failed: from the agent's session over the real wire into the store and to `afterpatch status`.

const OLD: FakeHostOptions = { units: [{ name: "ssh.service", isOld: true }] };

/** A host whose agent scans five times a second, and is connected. */
async function agentOf(controller: OpenedController, name: string, is: FakeHostOptions) {
  const token = parseToken(await newToken(controller));
  if (!token) throw new Error("the controller made no token");
  const address = { host: "localhost", port: controller.ports.enrol };
  const stateDir = await temporaryDirectory();
  await enroll({ controller: address, token, name, labels: {}, stateDir, agentVersion: "0", now: Date.now });
  const identity = await loadIdentity(stateDir);
  const stop = new AbortController();
  onTestFinished(() => stop.abort());
  const host = fakeHost(is, systemClock);
  const session = new Session(
    {
      ...{
        hostId: identity.hostId,
        agentVersion: "0",
        instanceId: "i1",
        machine: host.machine(),
        rules: NO_RULES,
        sha256,
        reportOf,
      },
      ...{ journal: memoryJournal(), clock: systemClock, connect: dialer(async () => identity), random: Math.random },
      schedule: () => 200,
      lock: () => () => {},
      log: { info() {}, warn() {}, error() {} },
    },
    stop.signal,
  );
  void session.run(); // until the test's end
  return host;
}

async function status(controller: OpenedController, ...args: readonly string[]) {
  const to = [
    "--controller",
    `localhost:${controller.ports.fleet}`,
    "--credentials",
    join(controller.dataDir, "admin"),
  ];
  return cli(["status", ...args, ...to]).ended;
}

test("a scheduled scan that fails is seen in status with its reason, until one succeeds", async () => {
  const controller = await controllerHere();
  const [web01] = await Promise.all([agentOf(controller, "web01", OLD), agentOf(controller, "web02", {})]);
  const why = async () =>
    (await controller.store.hosts.list()).map((host) => [host.report !== null, host.scanFailure?.why]);
  const patient = { timeout: 20_000, interval: 50 };
  await expect.poll(why, patient).toEqual([
    [true, undefined],
    [true, undefined],
  ]);

  web01.setScanFailure("no end within 600 s \u001b[2J");
  await expect.poll(why, patient).toEqual([
    [true, "no end within 600 s \u001b[2J"],
    [true, undefined],
  ]);
  const failed = await status(controller);
  expect(failed.out).toMatch(/^web01 +connected +\S+ +1 +\? +\? +\? +\? +\? +\d+s$/m);
  expect(failed.out).toMatch(/^web02 +connected +\S+ +0 +0 +0 +0 +0 +no +\d+s$/m);
  const line = /^Not scanned: web01: scan failed \d+s ago: no end within 600 s \\u\{1b\}\[2J; shown as last reported$/m;
  expect(failed.out).toMatch(line);
  const document = JSON.parse((await status(controller, "-o", "json")).out);
  const said = { at: expect.any(Number), why: "no end within 600 s \\u{1b}[2J" };
  expect(document).toMatchObject({ hosts: [{ scanFailed: said }, { scanFailed: null }], totals: { scanFailed: 1 } });

  web01.setScanFailure(null);
  await expect.poll(why, patient).toEqual([
    [true, undefined],
    [true, undefined],
  ]);
  expect((await status(controller)).out).not.toContain("Not scanned");
}, 60_000);

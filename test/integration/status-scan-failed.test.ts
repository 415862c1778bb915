import { join } from "node:path";
import { expect, test } from "vitest";
import type { FakeHostOptions } from "../fakes/machine.ts";
import { cli } from "./cli-process.ts";
import { controllerHere, type OpenedController } from "./in-process.ts";
import { agentOf } from "./live-agent.ts";

// A scan that nobody asked for, and that failed: from the agent's session over the real wire into the store and to `afterpatch status`.

const OLD: FakeHostOptions = { units: [{ name: "ssh.service", isOld: true }] };

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
  const failed = await status(controller, "--by", "host");
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

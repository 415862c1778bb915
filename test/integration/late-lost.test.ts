import { join } from "node:path";
import { DEFAULT_CONFIG } from "@afterpatch/controller/config/config";
import { enroll } from "@afterpatch/agent/enroll/enroll";
import { parseToken } from "@afterpatch/wire/token";
import { expect, test } from "vitest";
import { cli } from "./cli-process.ts";
import { controllerHere } from "./in-process.ts";
import { newToken, temporaryDirectory, until } from "./programs.ts";

const MINUTE_MS = 60_000;
const FINDINGS = { service: 0, "xinetd-session": 0, application: 0, kernel: 0, microcode: 0 };

test("status and events say late and lost by the threshold of the controller's file", async () => {
  const controller = await controllerHere(undefined, { ...DEFAULT_CONFIG, lostAfterMs: 10 * MINUTE_MS });
  const { store, ports, dataDir } = controller;
  const joined = async (name: string) => {
    const token = parseToken(await newToken(controller));
    if (!token) throw new Error("the controller made no token");
    const address = { host: "localhost", port: ports.enrol };
    const stateDir = await temporaryDirectory();
    return enroll({ controller: address, token, name, labels: {}, stateDir, agentVersion: "0", now: Date.now });
  };
  const now = Date.now();
  for (const [name, minutes] of [
    ["web01", 9],
    ["web02", 11],
  ] as const) {
    const { hostId } = await joined(name);
    const about = { digest: "d", scannedAt: 1, bootId: "b", os: "debian 12", kernel: "6.1.0", configError: null };
    const report = { ...about, unreadable: 0, reboot: false, findings: FINDINGS, body: new Uint8Array([1]) };
    await store.hosts.saveReport(hostId, report, now - minutes * MINUTE_MS);
  }
  const asked = ["--controller", `localhost:${ports.fleet}`, "--credentials", join(dataDir, "admin")];
  const seen = await cli(["status", "-o", "json", "--exit-code", ...asked]).ended;
  const { hosts } = JSON.parse(seen.out);
  expect([seen.code, hosts.map((host: Record<string, unknown>) => `${host.name} ${host.presence}`)]).toEqual([
    4,
    ["web01 late", "web02 lost"],
  ]);
  const told = async () => (await store.events.after(0, 100)).filter(({ type }) => type === "host.lost");
  await until(async () => (await told()).length > 0);
  expect((await told()).map(({ host, body }) => [host, JSON.parse(body)])).toEqual([
    ["web02", { heardAt: now - 11 * MINUTE_MS }],
  ]);
});

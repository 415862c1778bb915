import { expect, test } from "vitest";
import { NO_HOLDS } from "@afterpatch/core/rollout/holds";
import { ControllerBench } from "../../../../test/fakes/controller.ts";
import { figures, type HostFigures } from "../store/figures.ts";
import type { Report } from "../store/hosts.ts";
import { watchFleet } from "./fleet.ts";
import { Metrics } from "./metrics.ts";

const TRUST = { operators: {}, hostTokens: 0, operatorTokens: 0, waiting: 0, auditEntries: 0 };

const host = (id: string, agentVersion: string): HostFigures => ({
  ...{ id, name: id, state: "active", enrolledAt: 0, agentVersion, isScanFailing: false },
  ...{ oldSince: null, certifiedUntil: null, report: null },
});

test("of agents' versions the twenty that most have are named, whatever agents call themselves", async () => {
  const versions = Array.from({ length: 30 }, (_, index) => `1.${String(index).padStart(2, "0")}.0`);
  const odd = ["", 'x"', "v 1", "a\nb", "x".repeat(33)];
  const hosts = [...versions, ...odd, "1.29.0", "1.29.0"].map((version, index) => host(`h${index}`, version));
  const told = {
    hosts: async () => hosts,
    trust: async () => TRUST,
    commits: () => ({ done: 0, failed: 0, seconds: 0 }),
  };
  const fleet = { isConnected: () => false, isAwaited: () => false, holds: () => NO_HOLDS };
  const metrics = new Metrics();
  watchFleet(metrics, { figures: told, fleet, clock: { now: () => 0 }, lostAfterMs: 1 });
  const lines = (await metrics.text(false)).body.split("\n").filter((line) => line.startsWith("afterpatch_agents{"));
  expect(lines).toHaveLength(21);
  expect(lines[0]).toBe('afterpatch_agents{version="1.29.0"} 3');
  expect(lines.at(-1)).toBe('afterpatch_agents{version="other"} 15');
});

test("a host has old code since the first report of a row that tells of it", async () => {
  const { db, hosts } = await ControllerBench.with(["web1"]);
  const none = { service: 0, "xinetd-session": 0, application: 0, kernel: 0, microcode: 0 };
  const rest = {
    scannedAt: 0,
    bootId: "b",
    os: "debian",
    kernel: "6",
    reboot: false,
    unreadable: 0,
    configError: null,
  };
  const report = (digest: string, service: number): Report => ({
    ...{ ...rest, digest, findings: { ...none, service }, body: new Uint8Array([1]) },
  });
  const since: unknown[] = [];
  for (const [at, digest, old] of [
    [1, "a", 0],
    [2, "b", 1],
    [3, "c", 2],
    [4, "d", 0],
    [5, "e", 1],
  ] as const) {
    await hosts.saveReport("web1", report(digest, old), at);
    since.push((await figures(db).hosts())[0]?.oldSince);
  }
  expect(since).toEqual([null, 2, 2, null, 5]);
});

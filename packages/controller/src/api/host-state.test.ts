import { expect, test } from "vitest";
import type { Host, StoredHostState } from "../store/hosts.ts";
import { hostState, presenceOf } from "./host-state.ts";

const INTERVAL = 1_800_000;
const NOW = 1_790_000_000_000;

test.each<[string, StoredHostState, boolean | "awaited", number | null, number, string]>([
  ["connected", "active", true, null, 0, "connected"],
  ["connected, though its report is old", "active", true, 9 * INTERVAL, 9 * INTERVAL, "connected"],
  ["away, reported lately", "active", false, 2 * INTERVAL - 1, 9 * INTERVAL, "late"],
  ["away for two intervals", "active", false, 2 * INTERVAL, 9 * INTERVAL, "lost"],
  ["enrolled just now, never reported", "active", false, null, 1_000, "late"],
  ["never reported since it enrolled long ago", "active", false, null, 2 * INTERVAL, "lost"],
  ["a report from a clock that stepped back since", "active", false, -INTERVAL, 9 * INTERVAL, "late"],
  ["cordoned and connected", "cordoned", true, 0, 0, "cordoned"],
  ["cordoned and away", "cordoned", false, null, 9 * INTERVAL, "cordoned"],
  ["quarantined and connected", "quarantined", true, 0, 0, "quarantined"],
  ["revoked", "revoked", true, 0, 0, "quarantined"],
  [
    "away for two intervals, awaited since the controller started",
    "active",
    "awaited",
    2 * INTERVAL,
    9 * INTERVAL,
    "late",
  ],
  ["cordoned and awaited", "cordoned", "awaited", 9 * INTERVAL, 9 * INTERVAL, "cordoned"],
])("a host that is %s", (_name, state, presence, reportedAgo, enrolledAgo, expected) => {
  const findings = { service: 0, "xinetd-session": 0, application: 0, kernel: 0, microcode: 0 };
  const report = {
    digest: "d",
    scannedAt: 0,
    bootId: "b",
    os: "debian 12",
    kernel: "6.1",
    findings,
    reboot: null,
    unreadable: 0,
    configError: null,
  };
  const host: Host = {
    ...{ id: "h1", name: "web1", labels: {}, state, enrolledAt: NOW - enrolledAgo, agentVersion: "0.1.0" },
    report: reportedAgo === null ? null : { ...report, receivedAt: NOW - reportedAgo },
    scanFailure: null,
  };
  const [isConnected, isAwaited] = [presence === true, presence === "awaited"];
  const seen = presenceOf(host, { isConnected, isAwaited }, NOW, 2 * INTERVAL);
  expect(hostState(host, false, seen)).toBe(expected);
  expect(hostState(host, true, seen)).toBe(expected === "quarantined" ? "quarantined" : "cordoned");
});

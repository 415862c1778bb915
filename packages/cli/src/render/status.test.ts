import { expect, test } from "vitest";
import type { HostDocument, StatusDocument } from "../documents/status.ts";
import { totals } from "./status.ts";

const NONE = { service: 0, "xinetd-session": 0, application: 0, kernel: 0, microcode: 0 };
const hostThat = (state: string, presence: string): HostDocument => ({
  ...{ id: "h", name: "web", labels: {}, state, presence, cordon: null, writtenOff: null, charge: null, unreadable: 0 },
  ...{ lastReportAt: 0, agentVersion: null, kernel: null, findings: NONE, reboot: false, notes: [] },
  ...{ notScanned: null, scanFailed: null },
});

test.each<[string, readonly HostDocument[], string]>([
  ["a cordoned host is there all the same", [hostThat("cordoned", "connected")], "1 host: 1 cordoned (1 connected)"],
  [
    "or is not",
    [hostThat("connected", "connected"), hostThat("cordoned", "lost"), hostThat("cordoned", "connected")],
    "3 hosts: 1 connected, 2 cordoned (1 lost, 1 connected)",
  ],
])("totals: %s", (_name, hosts, expected) => {
  const states: Record<string, number> = {};
  for (const { state } of hosts) states[state] = (states[state] ?? 0) + 1;
  const all = { hosts: hosts.length, states, presence: {}, findings: NONE, unreadable: 0, notes: 0, scanFailed: 0 };
  const document: StatusDocument = {
    ...{ schema: "afterpatch.status/v1", hosts, comingBack: null, notEnrolled: [], notes: [] },
    totals: { ...all, neverReported: 0, reboot: { required: 0, notRequired: hosts.length, unknown: 0 } },
  };
  expect(totals(document, 0).split(";")[0]).toBe(expected);
});

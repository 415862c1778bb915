import { expect, test } from "vitest";
import { reportDigest } from "./report.ts";
import type { FoundFile, Scan } from "./scan.ts";

const FILE: FoundFile = {
  path: "/usr/lib/libssl.so.3",
  kind: "library",
  verdict: "replaced",
  buildId: { mapped: "aa", onDisk: "bb" },
  package: { name: "libssl3", from: "1", to: "2", installedAt: 1 },
  cves: [],
};

function digest(change: Partial<FoundFile>): string {
  const scan: Scan = {
    schema: "afterpatch.scan/v1",
    host: {
      id: null,
      name: "web01",
      bootId: "b",
      os: "debian 12",
      kernel: { running: "6", expected: "6", verdict: "current" },
    },
    ...{ startedAt: 1, elapsedMs: 1, processes: { seen: 1, scanned: 1, vanished: 0, unreadable: 0 } },
    findings: [
      {
        ...{ id: "f1", verdict: "replaced", kind: "service", process: null },
        owner: { kind: "service", manager: "systemd", name: "nginx.service" },
        files: [{ ...FILE, ...change }],
        remedy: { kind: "restart-service", target: "nginx.service", automatic: true, reason: "x" },
      },
    ],
    ...{ unreadable: [], notes: [], reboot: { required: false, reasons: [] } },
  };
  return reportDigest(scan, (text) => text);
}

// Findings are the same ones then: the process was old before, and is.
test.each<[string, Partial<FoundFile>]>([
  ["a newer version", { package: { name: "libssl3", from: "1", to: "3", installedAt: 2 } }],
  ["another file at the path", { buildId: { mapped: "aa", onDisk: "cc" } }],
  ["fixes that a changelog tells of now", { cves: ["CVE-2026-1111"] }],
  ["a changelog that cannot be read any more", { cves: null }],
])("a report is told anew for %s", (_name, change) => expect(digest(change)).not.toBe(digest({})));

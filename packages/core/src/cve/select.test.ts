import { expect, test } from "vitest";
import type { Finding, FoundFile } from "../scan.ts";
import type { Scan } from "../scan.ts";
import { ofCve, toldOf } from "./select.ts";

const ID = "CVE-2026-28387";
const FILE: FoundFile = {
  ...{ path: "/usr/lib/libssl.so.3", kind: "library", verdict: "replaced", package: null, cves: null },
  buildId: { mapped: null, onDisk: null },
};

function finding(...cves: readonly (readonly string[] | null)[]): Finding {
  return {
    ...{ id: "f", verdict: "replaced", kind: "service", process: null },
    owner: { kind: "service", manager: "systemd", name: "ssh.service" },
    files: cves.map((told) => ({ ...FILE, cves: told })),
    remedy: { kind: "restart-service", target: "ssh.service", automatic: true, reason: "" },
  };
}

test.each<[string, Finding, string]>([
  ["named by one of its files", finding(null, [ID]), "named"],
  ["named by none, and all could tell", finding([], ["CVE-2026-1"]), "not-named"],
  ["named by none, and one could not tell", finding([], null), "unknown"],
  ["another id that begins the same", finding([`${ID}9`]), "not-named"],
])("a finding %s", (_name, one, told) => expect(toldOf(one, ID)).toBe(told));

test("a scan of one CVE has the findings that a changelog named, and counts those of which none could tell", () => {
  const scan: Scan = {
    schema: "afterpatch.scan/v1",
    host: {
      ...{ id: null, name: "h", bootId: "b", os: "o" },
      kernel: { running: "k", expected: null, verdict: "unknown" },
    },
    ...{ startedAt: 0, elapsedMs: 0, unreadable: [], notes: ["other"], reboot: { required: null, reasons: [] } },
    processes: { seen: 3, scanned: 3, vanished: 0, unreadable: 0 },
    findings: [finding([ID]), finding([]), finding(null)],
  };
  const { findings, notes } = ofCve(scan, ID);
  expect(findings).toEqual([finding([ID])]);
  expect(notes).toEqual([`${ID}: no changelog tells of 1 other finding whether it was fixed there`, "other"]);
});

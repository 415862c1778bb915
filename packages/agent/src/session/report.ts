import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { reportDigest } from "@afterpatch/core/report";
import type { FindingKind, Scan } from "@afterpatch/core/scan";
import type { ScanReport } from "@afterpatch/core/session";

export function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** A scan as it goes to the controller: a small summary, and the whole document compressed. */
export function reportOf(scan: Scan): ScanReport {
  const findings: Record<FindingKind, number> = {
    service: 0,
    "xinetd-session": 0,
    application: 0,
    kernel: 0,
    microcode: 0,
  };
  for (const finding of scan.findings) findings[finding.kind] += 1;
  return {
    digest: reportDigest(scan, sha256),
    scannedAt: scan.startedAt,
    bootId: scan.host.bootId,
    os: scan.host.os,
    kernel: scan.host.kernel.running,
    findings,
    reboot: scan.reboot.required,
    unreadable: scan.processes.unreadable,
    configError: scan.config?.verdict === "invalid" ? scan.config.why : null,
    scanMs: Math.max(1, Math.round(scan.elapsedMs)),
    body: gzipSync(JSON.stringify(scan)),
  };
}

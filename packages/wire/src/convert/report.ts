import type { FindingCounts, ScanReport } from "@afterpatch/core/session";
import { pb } from "../messages.ts";

export function reportToWire(report: ScanReport): pb.v1.Report {
  const { digest, scannedAt, bootId, os, kernel, body, unreadable } = report;
  return {
    digest,
    scannedAt,
    bootId,
    os,
    kernel,
    body,
    unreadable,
    configError: report.configError ?? "",
    findings: countsToWire(report.findings),
    reboot: needToWire(report.reboot),
    scanMs: report.scanMs ?? 0,
  };
}

export function reportFromWire(report: pb.v1.Report): ScanReport {
  const { digest, scannedAt, bootId, os, kernel, body, unreadable } = report;
  return {
    digest,
    scannedAt,
    bootId,
    os,
    kernel,
    body,
    unreadable,
    configError: report.configError === "" ? null : report.configError,
    findings: countsFromWire(report.findings),
    reboot: needFromWire(report.reboot),
    ...(report.scanMs > 0 ? { scanMs: report.scanMs } : {}),
  };
}

export function countsToWire(counts: FindingCounts): pb.v1.FindingCounts {
  const { service, application, kernel, microcode } = counts;
  return { service, xinetdSession: counts["xinetd-session"], application, kernel, microcode };
}

export function countsFromWire(counts: pb.v1.FindingCounts | null | undefined): FindingCounts {
  const { service = 0, xinetdSession = 0, application = 0, kernel = 0, microcode = 0 } = counts ?? {};
  return { service, "xinetd-session": xinetdSession, application, kernel, microcode };
}

export function needToWire(reboot: boolean | null): pb.v1.RebootNeed {
  if (reboot === null) return pb.v1.RebootNeed.REBOOT_NEED_UNKNOWN;
  return reboot ? pb.v1.RebootNeed.REBOOT_NEED_YES : pb.v1.RebootNeed.REBOOT_NEED_NO;
}

/** Anything but a clear yes or no is unknown. */
export function needFromWire(need: pb.v1.RebootNeed): boolean | null {
  if (need === pb.v1.RebootNeed.REBOOT_NEED_YES) return true;
  return need === pb.v1.RebootNeed.REBOOT_NEED_NO ? false : null;
}

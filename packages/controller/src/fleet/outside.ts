import type { ScanReport } from "@afterpatch/core/session";
import type { ReportSummary } from "../store/hosts.ts";

/** Something that no rollout did. */
export interface OutsideChange {
  readonly what: "reboot" | "restart";
  /** One sentence without a full stop. */
  readonly detail: string;
}

/** What happened on a host between two of its reports, while no rollout had it in hand; null: nothing that shows. */
export function changedOutside(
  before: Pick<ReportSummary, "bootId" | "kernel" | "findings"> | null,
  now: Pick<ScanReport, "bootId" | "kernel" | "findings">,
): OutsideChange | null {
  if (before === null || before.bootId === "" || now.bootId === "") return null;
  if (before.bootId !== now.bootId) {
    const kernel = before.kernel === now.kernel ? now.kernel : `${before.kernel}, now ${now.kernel}`;
    return { what: "reboot", detail: `another boot than at its last report (kernel ${kernel})` };
  }
  // Sessions and applications end by themselves; a service that ran old code was restarted, or stopped, by somebody.
  const gone = before.findings.service - now.findings.service;
  return gone > 0 ? { what: "restart", detail: `${gone} of its services do not run old code any more` } : null;
}

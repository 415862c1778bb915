import { type Finding, SCAN_SCHEMA, type Scan } from "@afterpatch/core/scan";

/** A whole scan with these findings, of a host on which nothing else is to be said. */
export function scanOf(
  host: Pick<Scan["host"], "name" | "bootId" | "kernel">,
  startedAt: number,
  findings: readonly Finding[],
): Scan {
  return {
    schema: SCAN_SCHEMA,
    host: { id: null, os: "debian 12", ...host },
    startedAt,
    elapsedMs: 500,
    processes: { seen: 50, scanned: 50, vanished: 0, unreadable: 0 },
    findings,
    unreadable: [],
    notes: [],
    reboot: { required: host.kernel.verdict === "outdated", reasons: [] },
  };
}

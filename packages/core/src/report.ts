import type { Sha256 } from "./plan/types.ts";
import type { Scan } from "./scan.ts";

/**
 * Digest of what a scan found: the same state of the machine gives the same digest, whenever it was scanned. A package that
 * is upgraded once more under processes that were old already is another state: other CVEs are fixed by then.
 */
export function reportDigest(scan: Scan, sha256: Sha256): string {
  const findings = scan.findings
    .map(({ id, remedy, files }) => {
      const installed = files.map(({ package: of, buildId, cves }) => [
        of && [of.name, of.from, of.to],
        buildId.onDisk,
        cves?.length,
      ]);
      return JSON.stringify([id, remedy.kind, remedy.target, remedy.automatic, installed]);
    })
    .sort();
  const { bootId, kernel } = scan.host;
  const kernelState = [kernel.expected, kernel.verdict, kernel.livePatches ?? null];
  // A note may be why nothing is done on the host: whoever plans has to hear of it.
  const rest = [scan.reboot.required, scan.reboot.reasons, scan.processes.unreadable, scan.notes];
  return sha256(JSON.stringify([bootId, kernelState, ...rest, findings]));
}

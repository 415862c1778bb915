import type { Scan } from "@afterpatch/core/scan";
import { machineOn, type ReadApplications } from "./effects/effects.ts";
import { StepError } from "./effects/error.ts";
import type { RebootsHere } from "./effects/reboot/host.ts";
import { readProcesses } from "./host/processes.ts";
import { type ScanOptions, scanWithEngines } from "./host/scan.ts";
import { readXinetd } from "./host/xinetd.ts";
import type { Machine } from "./ports.ts";

/**
 * This host, as `narrow` leaves it: what the administrator forbids is not planned, reported as automatic, or done, and what its rules for
 * `applications` say is. It is never rebooted without `reboots`. A scan that the host itself makes impossible is a
 * StepError `scan-failed`.
 */
export function realMachine(
  options: Pick<ScanOptions, "hostId" | "name" | "inventory">,
  narrow: (scan: Scan) => Promise<Scan>,
  applications?: ReadApplications,
  reboots?: RebootsHere,
): Machine {
  const scan = async (signal: AbortSignal) => {
    signal.throwIfAborted();
    try {
      return await narrow(await scanWithEngines({ ...options, now: Date.now }));
    } catch (error) {
      // Errors of system calls carry a code; everything else is a defect.
      if (!(error instanceof Error) || !("code" in error)) throw error;
      throw new StepError("scan-failed", `the host could not be scanned: ${error.message}`, { cause: error });
    }
  };
  return machineOn(scan, () => readXinetd(readProcesses()), applications, reboots);
}

import type { RebootMode } from "@afterpatch/core/plan/reboot";
import { type RebootsHere, rebootsHere } from "./effects/reboot/host.ts";
import { bootFilesVeto } from "./vetoes/boot-files.ts";
import { scheduledShutdown } from "./vetoes/scheduled.ts";

/** For the programs that people run on the host they mean: what it gives reboots the machine it is called on. */
export function rebootsOfThisHost(): RebootsHere {
  return rebootsHere({ scheduled: () => scheduledShutdown(), bootFiles });
}

function bootFiles(mode: RebootMode): string | null {
  try {
    return bootFilesVeto(mode);
  } catch (error) {
    // Errors of system calls carry a code; everything else is a defect.
    if (!(error instanceof Error && "code" in error)) throw error;
    return `whether this host can be started again cannot be told: ${error.message}`;
  }
}

import { readFileSync } from "node:fs";
import { release } from "node:os";
import { kernelsOf } from "@afterpatch/core/kernel/expected";
import type { RebootMode } from "@afterpatch/core/plan/reboot";
import { type RebootsHere, rebootsHere } from "./effects/reboot/host.ts";
import { readKernel } from "./host/kernel/kernel.ts";
import { isCounted, STARTS, startsIn } from "./journal/starts.ts";
import { bootFilesVeto } from "./vetoes/boot-files.ts";
import { scheduledShutdown } from "./vetoes/scheduled.ts";
import { type KernelNow, triedBefore } from "./vetoes/tried.ts";

/** For the programs that people run on the host they mean: what it gives reboots the machine it is called on. */
export function rebootsOfThisHost(): RebootsHere {
  return rebootsHere({ scheduled: () => scheduledShutdown(), bootFiles });
}

function bootFiles(mode: RebootMode): string | null {
  try {
    return (
      bootFilesVeto(mode) ??
      (mode === "always"
        ? null
        : triedBefore(
            startsIn(STARTS).filter((one) => isCounted(one, Date.now())),
            kernelNow(),
          ))
    );
  } catch (error) {
    // Errors of system calls carry a code; everything else is a defect.
    if (!(error instanceof Error && "code" in error)) throw error;
    return `whether this host can be started again cannot be told: ${error.message}`;
  }
}

function kernelNow(): KernelNow {
  const running = release();
  const expected = kernelsOf(readKernel(), running).expected?.release ?? null;
  return { bootId: readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim(), running, expected };
}

import { inventoryIn } from "../host/packages/inventory.ts";
import { scanHost } from "../host/scan.ts";
import type { ScanAnswer, ScanOrder } from "./messages.ts";

/** The process that scans for the daemon, one scan after the other, and ends with it. */
export function serveScans(): void {
  process.once("disconnect", () => process.exit());
  // Sent by scanner.ts of the same program alone.
  process.on("message", (order) => process.send?.(answer(order as ScanOrder)));
}

function answer({ hostId, name, stateDir }: ScanOrder): ScanAnswer {
  try {
    return { kind: "scanned", scan: scanHost({ hostId, name, inventory: inventoryIn(stateDir), now: Date.now }) };
  } catch (error) {
    // Errors of system calls carry a code; everything else is a defect, and ends this process with its stack on stderr.
    if (!(error instanceof Error) || !("code" in error)) throw error;
    return { kind: "failed", why: error.message };
  }
}

import { inventoryIn } from "../host/packages/inventory.ts";
import { scanWithEngines } from "../host/scan.ts";
import type { ScanAnswer, ScanOrder } from "./messages.ts";

/** The process that scans for the daemon, one scan after the other, and ends with it. */
export function serveScans(): void {
  process.once("disconnect", () => process.exit());
  // Sent by scanner.ts of the same program alone.
  process.on("message", (order) => {
    // What it throws is a defect: an unhandled rejection ends this process with its stack.
    void answer(order as ScanOrder).then((told) => process.send?.(told));
  });
}

async function answer({ hostId, name, stateDir }: ScanOrder): Promise<ScanAnswer> {
  try {
    const inventory = inventoryIn(stateDir);
    return { kind: "scanned", scan: await scanWithEngines({ hostId, name, inventory, now: Date.now }) };
  } catch (error) {
    // Errors of system calls carry a code; everything else is a defect, and ends this process with its stack on stderr.
    if (!(error instanceof Error) || !("code" in error)) throw error;
    return { kind: "failed", why: error.message };
  }
}

import type { Scan } from "@afterpatch/core/scan";

/** First argument of the program when it is the process that scans. */
export const SCAN_CHILD = "scan-child";

/** What the daemon asks: one scan. */
export interface ScanOrder {
  readonly hostId: string;
  readonly name: string;
  readonly stateDir: string;
}

export type ScanAnswer =
  | { readonly kind: "scanned"; readonly scan: Scan }
  | { readonly kind: "failed"; readonly why: string };

import type { FileFacts } from "../facts.ts";
import { VERDICTS, type Verdict } from "../scan.ts";

/** Verdict of one file that is not, or may not be, what its path names now. */
export function fileVerdict({ mapped, onDisk }: FileFacts): Verdict {
  if (mapped.kind === "suspected") return "suspected";
  if (onDisk.kind === "missing") return "removed";
  if (mapped.kind === "overwritten") return "modified-in-place";
  if (mapped.kind === "unreadable" || onDisk.kind === "unreadable") return "unknown";
  if (mapped.kind === "missing" || onDisk.kind === "overwritten" || onDisk.kind === "suspected") return "unknown"; // no scan says so
  // A build-id on one side only is a difference too: the reader falls back to whole bytes on both sides or on none.
  return mapped.kind === onDisk.kind && mapped.hex === onDisk.hex ? "identical" : "replaced";
}

/** The strongest of several verdicts; `identical` when there is none. */
export function strongest(verdicts: readonly Verdict[]): Verdict {
  return VERDICTS.find((verdict) => verdicts.includes(verdict)) ?? "identical";
}

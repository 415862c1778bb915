import { ofCve } from "@afterpatch/core/cve/select";
import type { Scan } from "@afterpatch/core/scan";
import { HOST_DATABASES } from "../host/packages/ask.ts";
import { fixesOnHost } from "./fixes.ts";

/** The findings of one CVE alone. Where there are none, and nothing on this host names it, that is said: it is not known. */
export function scanOfCve(scan: Scan, id: string): Scan {
  const narrowed = ofCve(scan, id);
  if (narrowed.findings.length > 0 || fixesOnHost(id, HOST_DATABASES).fixes.length > 0) return narrowed;
  const unknown = `${id}: no changelog of a package on this host names it: the fix is not installed, or concerns nothing here.`;
  return { ...narrowed, notes: [unknown, ...narrowed.notes] };
}

import { visible } from "@afterpatch/core/text";
import type { PlanFleetResponse } from "../connection.ts";
import { counted } from "../render/table.ts";
import type { Shell } from "../shell.ts";

/** How an inventory and the fleet fit. */
export interface ReachedDocument {
  /** Selected hosts of the inventory that nobody enrolled. */
  readonly notEnrolled: readonly string[];
  readonly notes: readonly string[];
}

/** Both are empty where there is no inventory. */
export function reachedDocument(reached: PlanFleetResponse["reached"]): ReachedDocument {
  return { notEnrolled: (reached?.notEnrolled ?? []).map(visible), notes: (reached?.notes ?? []).map(visible) };
}

export function tellNotes(notes: readonly string[], shell: Shell): void {
  for (const note of notes) shell.err(`afterpatch: note: ${note}\n`);
}

/** Of commands whose result has no place for hosts that are not enrolled: each is named. */
export function tellReached({ notEnrolled, notes }: ReachedDocument, shell: Shell): void {
  tellNotes(notes, shell);
  if (notEnrolled.length === 0) return;
  const what = `${counted(notEnrolled.length, "host")} of the inventory not enrolled, and so not covered`;
  shell.err(`afterpatch: ${what}: ${notEnrolled.join(", ")}\n`);
}

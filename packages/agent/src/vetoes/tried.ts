import { visible } from "@afterpatch/core/text";
import type { Intent } from "../journal/operations.ts";
import { isReboot } from "../journal/starts.ts";

/** The kernel that runs, in which boot, and the one that the boot loader would start; null: not known. */
export interface KernelNow {
  readonly bootId: string;
  readonly running: string;
  readonly expected: string | null;
}

/**
 * A reboot for a kernel that did not come up is not tried a second time by itself: the boot loader does not start what
 * it says it would, and another one would loop. `starts` are those that caps count. A sentence, or null.
 */
export function triedBefore(starts: readonly Intent[], { bootId, running, expected }: KernelNow): string | null {
  if (expected === null || running === expected) return null;
  const isVain = ({ before }: Intent) => before.expected === expected && before.bootId !== bootId;
  if (!starts.filter(isReboot).some(isVain)) return null;
  return `it was rebooted for kernel ${visible(expected)} in the last 24 hours and came up with ${visible(running)}; see why the boot loader does not start it, a person may order another reboot (--reboot always)`;
}

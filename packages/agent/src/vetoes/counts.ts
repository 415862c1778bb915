import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Begun } from "@afterpatch/core/policy/caps";
import { JOURNAL_FILE } from "../journal/file.ts";
import { decodeLines } from "../journal/lines.ts";
import type { Intent } from "../journal/operations.ts";
import { isCounted, isReboot, startKey, startsIn } from "../journal/starts.ts";

/** Orders given on this host have a journal of their own: the daemon is the only writer of its journal. */
export const LOCAL_JOURNAL = "apply.jsonl";

/** Everything that was begun with this state directory is in one of these. */
export function journalsIn(stateDir: string): readonly string[] {
  return [join(stateDir, JOURNAL_FILE), join(stateDir, LOCAL_JOURNAL)];
}

/**
 * What was begun in the last hour and the last day on this host, beside `own`: by any process of it, as the register of
 * starts says, and by these journals, in case somebody removed that. Throws JournalError, and errors of system calls.
 */
export function begunBefore(
  starts: string,
  journals: readonly string[],
  now: number,
  own: Pick<Intent, "op" | "step"> | null,
): Pick<Begun, "restartsInHour" | "rebootsInDay"> {
  const intents = [...startsIn(starts), ...journals.flatMap(intentsOf)].filter((intent) => isCounted(intent, now));
  // The same in the register and in its journal, and what is repeated after a crash, for it had no effect before, is one.
  const begun = new Map(intents.map((intent) => [startKey(intent), intent]));
  if (own) begun.delete(startKey(own));
  const reboots = [...begun.values()].filter(isReboot).length;
  return { restartsInHour: begun.size - reboots, rebootsInDay: reboots };
}

function intentsOf(file: string): readonly Intent[] {
  try {
    const { records } = decodeLines(readFileSync(file), file);
    return records.flatMap((record) => (record.type === "intent" ? [record] : []));
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  }
}

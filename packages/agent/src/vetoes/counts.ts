import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Begun, isRestart } from "@afterpatch/core/policy/caps";
import { JOURNAL_FILE } from "../journal/file.ts";
import { decodeLines } from "../journal/lines.ts";
import { type Intent, stepKey } from "../journal/operations.ts";
import type { JournalRecord } from "../ports.ts";

/** Orders given on this host have a journal of their own: the daemon is the only writer of its journal. */
export const LOCAL_JOURNAL = "apply.jsonl";

/** Everything that was ever begun on this host is in one of these. */
export function journalsIn(stateDir: string): readonly string[] {
  return [join(stateDir, JOURNAL_FILE), join(stateDir, LOCAL_JOURNAL)];
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/**
 * What these journals say was begun in the last hour and the last day, by any process of this host, beside `own`. What
 * seems to lie in the future counts: a clock that was set back must not make room. Throws JournalError, and errors of
 * system calls.
 */
export function begunBefore(
  journals: readonly string[],
  now: number,
  own: Pick<Intent, "op" | "step"> | null,
): Pick<Begun, "restartsInHour" | "rebootsInDay"> {
  const intents = journals.flatMap(recordsOf).flatMap((record) => (record.type === "intent" ? [record] : []));
  // One that is repeated after a crash had no effect before it: both are one.
  const count = (isSo: (intent: Intent) => boolean) => {
    const begun = new Set(intents.filter(isSo).map(key));
    if (own) begun.delete(key(own));
    return begun.size;
  };
  return {
    restartsInHour: count(({ step, at }) => isRestart(step.kind) && at > now - HOUR_MS),
    rebootsInDay: count(({ step, at }) => step.kind === "reboot" && at > now - DAY_MS),
  };
}

function key({ op, step }: Pick<Intent, "op" | "step">): string {
  return `${op} ${stepKey(step)}`;
}

function recordsOf(file: string): readonly JournalRecord[] {
  try {
    return decodeLines(readFileSync(file), file).records;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  }
}

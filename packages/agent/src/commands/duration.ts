import { usageError } from "@afterpatch/core/command-error";
import { parseDuration } from "@afterpatch/core/duration";

/** Milliseconds of `90s`, `5m`; null when the option was not given. */
export function durationOf(option: string, text: string | undefined): number | null {
  if (text === undefined) return null;
  try {
    return parseDuration(text);
  } catch (error) {
    const [why = "", todo] = error instanceof Error ? error.message.split("; ") : [String(error)];
    throw usageError(option, why, todo);
  }
}

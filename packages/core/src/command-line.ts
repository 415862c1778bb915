// What the three programs say alike of a mistake in a command line.
import { type CommandError, usageError } from "./command-error.ts";
import { abridged, echoed, oneLine } from "./text.ts";

/** What the parser of a command line says of it: in one line, for it echoes what was typed at any length. */
export function parserError(message: string): CommandError {
  return usageError("command line", abridged(oneLine(message), 160));
}

/**
 * Refuses what nobody means: an option twice, which yargs makes a list of, and an empty text, which a script gives whose
 * variable is not set. `lists` are the names that may be given more than once.
 */
export function checkGiven(args: Readonly<Record<string, unknown>>, lists: readonly string[]): true {
  for (const [name, value] of Object.entries(args)) {
    const option = `${name.length === 1 ? "-" : "--"}${name}`;
    if (Array.isArray(value) && name !== "_" && !lists.includes(name)) {
      throw usageError(option, "is given more than once", "give it once");
    }
    if (value === "" || (Array.isArray(value) && value.includes(""))) {
      throw usageError("command line", `${name} is empty`, "give it a value, or leave it out");
    }
  }
  return true;
}

/** A whole number in `[least, most]`. Read from text: yargs takes `1e3` and `0x10` for numbers. */
export function wholeNumberOf(option: string, text: string, least: number, most: number): number {
  const value = /^[0-9]{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value;
  throw usageError(option, `${echoed(text)} is no whole number from ${least} to ${most}`, "give one");
}

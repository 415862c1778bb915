// What the three programs say alike of a mistake in a command line.
import { type CommandError, usageError } from "./command-error.ts";
import { parseDuration } from "./duration.ts";
import { nearest } from "./fleet/nearest.ts";
import { abridged, echoed, oneLine } from "./text.ts";

/**
 * What the parser of a command line says of it: in one line, for it echoes what was typed at any length. `words`: what
 * the command takes beside its options, by name, for yargs only counts them.
 */
export function parserError(message: string, words: readonly string[] = [], typed = NOTHING_TYPED): CommandError {
  const [, got = ""] = /^Not enough non-option arguments: got ([0-9]+),/.exec(message) ?? [];
  const missing = got === "" ? [] : words.slice(Number(got));
  if (missing.length > 0) {
    return usageError("command line", `an argument is missing: ${missing.join(", ")}`);
  }
  return usageError("command line", abridged(inWords(withNearest(withoutTwins(oneLine(message)), typed)), 300));
}

/** A command line, and the names of the options that its command has. */
export interface Typed {
  readonly argv: readonly string[];
  readonly options: readonly string[];
}

const NOTHING_TYPED: Typed = { argv: [], options: [] };

/** Names of the options of the command that is read. `usage`: what yargs hands to `fail` beside its message. */
export function optionsIn(usage: unknown): readonly string[] {
  if (typeof usage !== "object" || usage === null || !("getDescriptions" in usage)) return [];
  return typeof usage.getDescriptions === "function" ? Object.keys(Object(usage.getDescriptions())) : [];
}

/** An unknown option is most often one that was mistyped. */
function withNearest(message: string, { argv, options }: Typed): string {
  const names = /^Unknown arguments?: (.*)$/.exec(message)?.[1]?.split(", ") ?? [];
  const isOption = (name: string) =>
    name.length > 2 && argv.some((word) => word === `--${name}` || word.startsWith(`--${name}=`));
  const near = names.filter(isOption).flatMap((name) => nearest(name, options).slice(0, 1));
  if (near.length === 0) return message;
  return `${message} (nearest: ${[...new Set(near)].map(optionOf).join(", ")})`;
}

/** As one would say it, where yargs has words of its own. */
function inWords(message: string): string {
  const [, name = "", given = "", choices = ""] =
    /^Invalid values: Argument: ([\w-]+), Given: (.*), Choices: (.*)$/.exec(message) ?? [];
  if (name !== "") return `${optionOf(name)} cannot be ${given}: it is one of ${choices}`;
  const [, wanted = ""] = /^Missing required arguments?: (.+)$/.exec(message) ?? [];
  if (wanted !== "") {
    const options = wanted.split(", ").map(optionOf);
    return `${options.join(" and ")} ${options.length === 1 ? "is" : "are"} missing`;
  }
  const [, bare = ""] = /^Not enough arguments following: ([\w-]+)$/.exec(message) ?? [];
  return bare === "" ? message : `${optionOf(bare)} is given without a value`;
}

function optionOf(name: string): string {
  return `${name.length === 1 ? "-" : "--"}${name}`;
}

/** yargs names an unknown `--no-such` twice, as `no-such` and as `noSuch`. */
function withoutTwins(message: string): string {
  const list = /^Unknown arguments: (.*)$/.exec(message)?.[1]?.split(", ");
  if (!list) return message;
  const twins = new Set(
    list
      .filter((name) => name.includes("-"))
      .map((name) => name.replaceAll(/-(.)/g, (_, letter) => letter.toUpperCase())),
  );
  const names = list.filter((name) => !twins.has(name));
  return `Unknown argument${names.length === 1 ? "" : "s"}: ${names.join(", ")}`;
}

/**
 * Refuses what nobody means: an option twice, which yargs makes a list of, an empty text, which a script gives whose
 * variable is not set, and in `words`, the command line as typed, a flag with a value that yargs takes for no:
 * `--exit-code=yes`. `lists` are the names that may be given more than once.
 */
export function checkGiven(
  args: Readonly<Record<string, unknown>>,
  lists: readonly string[],
  words: readonly string[],
): true {
  for (const word of words) {
    const [, option = "", name = "", value = ""] = /^(--?([\w-]+))=(.*)$/s.exec(word) ?? [];
    if (typeof args[name] === "boolean" && value !== "true" && value !== "false") {
      throw usageError(option, `${echoed(value)} is neither true nor false`, `write ${option} alone`);
    }
  }
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

/** Milliseconds of an option's `90s`, `5m`, `2h` or `7d`; null when it was not given. Throws CommandError. */
export function durationOf(option: string, text: string): number;
export function durationOf(option: string, text: string | undefined): number | null;
export function durationOf(option: string, text: string | undefined): number | null {
  if (text === undefined) return null;
  try {
    return parseDuration(text);
  } catch (cause) {
    const [why = "", todo = null] = (cause instanceof Error ? cause.message : String(cause)).split("; ");
    throw usageError(option, why, todo);
  }
}

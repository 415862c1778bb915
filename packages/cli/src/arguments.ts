import { parseDuration } from "@afterpatch/core/duration";
import { parseRamp } from "@afterpatch/core/fleet/ramp";
import { usageError } from "./errors.ts";

/** `--label k=v`, given any number of times. */
export function labelsOf(texts: readonly string[]): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const text of texts) {
    const match = /^([a-z][a-z0-9_.-]*)=(.*)$/.exec(text);
    const [, key, value] = match ?? [];
    if (key === undefined || value === undefined) {
      throw usageError("--label", `'${text}' is no label`, "write key=value, the key in lower case: role=web");
    }
    if (Object.hasOwn(labels, key)) throw usageError("--label", `'${key}' is given twice`, "give each key once");
    labels[key] = value;
  }
  return labels;
}

export function durationOf(option: string, text: string): number {
  try {
    return parseDuration(text);
  } catch (cause) {
    throw usageError(option, cause instanceof Error ? cause.message : String(cause), "see 'afterpatch --help'");
  }
}

/** A whole number in `[least, most]`. Read from text: yargs takes `1e3` and `0x10` for numbers. */
export function wholeNumberOf(option: string, text: string, least: number, most: number): number {
  const value = /^[0-9]{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value;
  throw usageError(option, `'${text}' is no whole number from ${least} to ${most}`, "see 'afterpatch --help'");
}

/** `--serial`, checked here so that a typing error costs no scan of the fleet. */
export function serialOf(text: string): string {
  const parsed = parseRamp(text);
  if (parsed.kind === "ramp") return text;
  const [why = "", todo = "write numbers of hosts or percentages: 1,25%"] = parsed.why.split("; ");
  throw usageError("--serial", why, todo);
}

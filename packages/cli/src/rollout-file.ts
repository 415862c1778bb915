import { readFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import { mistakeLine } from "@afterpatch/config/mistake";
import { LONGEST_ROLLOUT_FILE, parseRollout } from "@afterpatch/config/rollout";
import { fileReason, usageError } from "@afterpatch/core/command-error";
import { DEFAULT_REBOOT, type RebootOrder } from "@afterpatch/core/plan/reboot";
import type { RolloutSpec } from "@afterpatch/core/rollout-file/spec";
import type { Argv } from "yargs";

/** A rollout's file: checked here, so that a mistake in it costs no scan of the fleet, and understood by the controller. */
export interface RolloutInput {
  readonly text: string;
  readonly spec: RolloutSpec;
}

export function fileOption<T>(parser: Argv<T>) {
  return parser.option("file", {
    alias: "f",
    type: "string",
    requiresArg: true,
    describe: "A rollout's file, - for standard input: waves, budgets, windows and more",
  });
}

/** Hosts are named by a pattern, or by a file. */
export function hostsOrFile<T>(parser: Argv<T>) {
  return fileOption(parser).check((args) => {
    if (args.file !== undefined || args.pattern !== undefined) return true;
    throw new Error(NO_HOSTS);
  }, false);
}

const NO_HOSTS = "an argument is missing: hosts, such as 'role=web' or 'all', or a --file that names them";

/** Every mistake is told, with its line and key; the first is the error. */
export async function readRollout(file: string, say: (text: string) => void): Promise<RolloutInput> {
  return understood(file, await contentOf(file), say);
}

/** `file`: what mistakes are told of. */
export function understood(file: string, content: string, say: (text: string) => void): RolloutInput {
  const parsed = parseRollout(content);
  if (parsed.kind === "rollout") return { text: content, spec: parsed.spec };
  const [first, ...others] = parsed.mistakes.map((mistake) => mistakeLine(file, mistake));
  for (const line of others) say(`${line}\n`);
  const more = others.length > 0 ? ` (and ${others.length} more, above)` : "";
  throw usageError("rollout file", `${first ?? file}${more}`, "see docs/rollout-file.md");
}

async function contentOf(file: string): Promise<string> {
  try {
    const content = file === "-" ? await text(process.stdin) : await readFile(file, "utf8");
    if (content.length <= LONGEST_ROLLOUT_FILE) return content;
  } catch (error) {
    const why = `${file} cannot be read: ${fileReason(error)}`;
    throw usageError("--file", why, "name a file that you may read", { cause: error });
  }
  throw usageError("--file", `${file} is larger than ${LONGEST_ROLLOUT_FILE} characters`, "leave something out");
}

export interface Given {
  readonly pattern?: string | undefined;
  readonly serial: string;
  readonly maxFail?: string | undefined;
}

/** Hosts of a command line that may have a file. */
export function patternOf({ pattern }: Given, input: RolloutInput | null): string {
  const selected = pattern ?? input?.spec.select;
  if (selected !== undefined && selected !== null) return selected;
  throw usageError("pattern", "neither the command line nor the file says which hosts", "name hosts, or add select:");
}

/** What a file says itself is not said a second time by flags. */
export function refuseTwice({ serial, maxFail }: Given, reboot: RebootOrder, input: RolloutInput | null): void {
  if (input === null) return;
  if (serial !== "1") throw usageError("--serial", "the waves of the file say it (ramp)", "leave one of the two out");
  if (maxFail !== undefined)
    throw usageError("--max-fail", "the file says it (stop.maxFailures)", "leave one of the two out");
  const keys: readonly (keyof RebootOrder)[] = ["mode", "method", "sessionsFirst", "message", "delayMs", "withinMs"];
  if (keys.some((key) => reboot[key] !== DEFAULT_REBOOT[key])) {
    throw usageError("--reboot", "the file says it (actions.reboot)", "leave one of the two out");
  }
}

import { usageError } from "@afterpatch/core/command-error";
import { formatDuration } from "@afterpatch/core/duration";
import type { Argv } from "yargs";
import { durationOf } from "@afterpatch/core/command-line";
import { JUNIT } from "../junit.ts";
import type { Shell } from "../shell.ts";

const NO_WAIT = {
  type: "boolean",
  default: false,
  describe: "Exit 7 when it waits for a person or a window; it goes on without you",
} as const;
/** A timer of Node has 31 bits of milliseconds. */
const LONGEST_MS = 20 * 86_400_000;

/** Of all that follow a rollout. */
export function waitOptions<T>(parser: Argv<T>) {
  return parser
    .option("no-wait", NO_WAIT)
    .option("wait", {
      type: "boolean",
      default: false,
      describe: "Follow it to its end in plain lines, as without a terminal, whatever it waits for",
    })
    .option("wait-timeout", {
      type: "string",
      requiresArg: true,
      describe: "Exit 7 if it has not ended after so long (30m, 2h); it goes on without you",
    })
    .option("junit", JUNIT);
}

interface WaitArgs {
  readonly noWait: boolean;
  readonly wait: boolean;
  readonly waitTimeout?: string | undefined;
  readonly junit?: string | undefined;
  readonly detach?: boolean;
}

/** How a rollout is followed. */
export interface Patience {
  readonly noWait: boolean;
  /** Null: to its end. */
  readonly waitMs: number | null;
}

/** What was typed, where it does not contradict itself. */
export function patienceOf({ noWait, wait, waitTimeout, junit, detach = false }: WaitArgs): Patience {
  const clash = (option: string, why: string) => usageError(option, why, "leave one of the two out");
  if (wait && noWait) throw clash("--wait", "does not go with --no-wait");
  if (detach && (wait || waitTimeout !== undefined))
    throw clash("--detach", "leaves at once: there is nothing to wait for");
  if (detach && junit !== undefined)
    throw clash("--junit", "with --detach nothing has happened yet that could be told");
  const waitMs = durationOf("--wait-timeout", waitTimeout);
  if (waitMs === null || (waitMs > 0 && waitMs <= LONGEST_MS)) return { noWait, waitMs };
  throw usageError("--wait-timeout", `'${waitTimeout}' is not 1s to ${formatDuration(LONGEST_MS)}`, "write 30m, or 2h");
}

/** With `--wait` nothing is drawn: lines are all there is, as in the log of a pipeline. */
export function shellFor({ wait }: Pick<WaitArgs, "wait">, shell: Shell): Shell {
  return wait ? { ...shell, terminal: null } : shell;
}

import { usageError } from "@afterpatch/core/command-error";
import { formatDuration } from "@afterpatch/core/duration";
import {
  DEFAULT_REBOOT,
  LONGEST_DELAY_MS,
  LONGEST_MESSAGE,
  REBOOT_MODES,
  type RebootMode,
  type RebootOrder,
} from "@afterpatch/core/plan/reboot";
import type { Argv } from "yargs";
import { durationOf } from "@afterpatch/core/command-line";

/** What `plan` and `apply` take of a reboot. */
export interface RebootArguments {
  readonly reboot: RebootMode | undefined;
  readonly sessionsFirst: boolean;
}

export function withReboot(parser: Argv): Argv {
  return parser
    .option("reboot", {
      choices: REBOOT_MODES,
      requiresArg: true,
      defaultDescription: "when-required; never where something is named",
      describe: "Whether the host may be rebooted; one that is restarts nothing else",
    })
    .option("sessions-first", sessionsFirst);
}

export const sessionsFirst = {
  type: "boolean",
  default: false,
  describe: "Before a reboot end the old sessions of xinetd and inetd, each with its grace",
} as const;

/** Options of `plan` and `apply` that name what is done: a reboot would do all else as well. */
export type Narrowing = Partial<
  Record<"only" | "unit" | "service" | "application" | "library" | "package" | "cve", readonly string[]>
>;

/** Whether and how the host may be rebooted. What is named is all that is done: nothing is rebooted for it. */
export function rebootChoice({ reboot, sessionsFirst }: RebootArguments, narrowing: Narrowing = {}): RebootOrder {
  const named = Object.entries(narrowing).find(
    ([option, values]) => values.length > 0 && !(option === "only" && values.includes("reboot")),
  );
  if (named && reboot !== undefined && reboot !== "never") {
    const why = `does not go with --${named[0]}, which names all that is done`;
    throw usageError("--reboot", why, "leave one of the two out");
  }
  const mode = named ? "never" : (reboot ?? DEFAULT_REBOOT.mode);
  if (sessionsFirst && mode === "never") {
    throw usageError("--sessions-first", "there is no reboot here that they could come before", "leave it out");
  }
  return { ...DEFAULT_REBOOT, mode, sessionsFirst };
}

/** What people on the host are told and given, as `apply` and `reboot` take it. */
export interface WarningArguments {
  readonly message: string | undefined;
  readonly delay: string | undefined;
}

export function withWarning(parser: Argv): Argv {
  return parser
    .option("delay", {
      type: "string",
      requiresArg: true,
      defaultDescription: "none",
      describe: "Time that people on the host have before a reboot; 'afterpatch-agent reboot --cancel' cancels it",
    })
    .option("message", { type: "string", requiresArg: true, describe: "What they are told of it" });
}

/** Where no reboot is ordered nobody would be told, and nobody would wait. */
export function refuseWarning({ message, delay }: WarningArguments): void {
  if (message === undefined && delay === undefined) return;
  const option = delay === undefined ? "--message" : "--delay";
  throw usageError(
    option,
    "there is no reboot here that people could be told of",
    "leave it out, or leave the reboot in",
  );
}

export function warningOf({ message = "", delay }: WarningArguments): Pick<RebootOrder, "message" | "delayMs"> {
  if (message.length > LONGEST_MESSAGE) {
    throw usageError("--message", `has more than ${LONGEST_MESSAGE} characters`, "shorten it");
  }
  const delayMs = durationOf("--delay", delay) ?? 0;
  if (delayMs > LONGEST_DELAY_MS) {
    throw usageError("--delay", `is longer than ${formatDuration(LONGEST_DELAY_MS)}`, "order it later");
  }
  return { message, delayMs };
}

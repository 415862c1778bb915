import { usageError } from "@afterpatch/core/command-error";
import { formatDuration } from "@afterpatch/core/duration";
import {
  DEFAULT_REBOOT,
  LONGEST_DELAY_MS,
  LONGEST_MESSAGE,
  LONGEST_REBOOT_MS,
  REBOOT_METHODS,
  REBOOT_MODES,
  type RebootMethod,
  type RebootMode,
  type RebootOrder,
} from "@afterpatch/core/plan/reboot";
import { visible } from "@afterpatch/core/text";
import type { Argv } from "yargs";
import { durationOf } from "@afterpatch/core/command-line";

/** No machine comes back sooner, and an order that none can keep fails every host. */
const SHORTEST_REBOOT_MS = 10_000;

const SESSIONS_FIRST = "End old sessions before it, each with its grace";

/** Of commands that may reboot hosts. */
export function rebootOptions<T>(parser: Argv<T>) {
  return parser
    .option("reboot", {
      choices: REBOOT_MODES,
      default: DEFAULT_REBOOT.mode,
      requiresArg: true,
      describe: "Reboot hosts where nothing smaller suffices, all of them, or none",
    })
    .option("reboot-method", { choices: REBOOT_METHODS, requiresArg: true, describe: METHOD })
    .option("reboot-message", { type: "string", requiresArg: true, describe: MESSAGE })
    .option("reboot-delay", { type: "string", requiresArg: true, describe: DELAY })
    .option("reboot-timeout", { type: "string", requiresArg: true, describe: TIMEOUT })
    .option("sessions-first", { type: "boolean", default: false, describe: SESSIONS_FIRST });
}

const METHOD = `How, where the host can [default: "${DEFAULT_REBOOT.method}"]`;
const MESSAGE = "What people on the host are told before it";
const DELAY = `How long they have, and may cancel it [default: "${formatDuration(DEFAULT_REBOOT.delayMs)}"]`;
const TIMEOUT = `How soon a host must be back [default: "${formatDuration(DEFAULT_REBOOT.withinMs)}"]`;

/** Of `reboot`, which is about nothing else. */
export function orderedRebootOptions<T>(parser: Argv<T>) {
  return parser
    .option("method", { choices: REBOOT_METHODS, requiresArg: true, describe: METHOD })
    .option("message", { type: "string", requiresArg: true, describe: MESSAGE })
    .option("delay", { type: "string", requiresArg: true, describe: DELAY })
    .option("timeout", { type: "string", requiresArg: true, describe: TIMEOUT })
    .option("sessions-first", { type: "boolean", default: false, describe: SESSIONS_FIRST });
}

/** As given; undefined where nobody said. */
export interface GivenReboot {
  readonly mode: RebootMode;
  readonly method: RebootMethod | undefined;
  readonly message: string | undefined;
  readonly delay: string | undefined;
  readonly timeout: string | undefined;
  readonly sessionsFirst: boolean;
}

interface RebootArgs {
  readonly reboot: RebootMode;
  readonly rebootMethod: RebootMethod | undefined;
  readonly rebootMessage: string | undefined;
  readonly rebootDelay: string | undefined;
  readonly rebootTimeout: string | undefined;
  readonly sessionsFirst: boolean;
}

/** The order of a command line with `rebootOptions`. */
export function rebootOf(args: RebootArgs): RebootOrder {
  const { reboot: mode, rebootMethod: method, rebootMessage: message, rebootDelay: delay, sessionsFirst } = args;
  return rebootOrder({ mode, method, message, delay, timeout: args.rebootTimeout, sessionsFirst }, "--reboot-");
}

/** Checked here so that a typing error costs no scan of the fleet. `prefix`: what options begin with. */
export function rebootOrder(given: GivenReboot, prefix: "--" | "--reboot-"): RebootOrder {
  const { mode, sessionsFirst, method, message, delay, timeout } = given;
  if (mode === "never") refuseRest(given, prefix);
  return {
    mode,
    sessionsFirst,
    method: method ?? DEFAULT_REBOOT.method,
    message: message === undefined ? DEFAULT_REBOOT.message : messageOf(`${prefix}message`, message),
    delayMs: delay === undefined ? DEFAULT_REBOOT.delayMs : timeOf(`${prefix}delay`, delay, 0, LONGEST_DELAY_MS),
    withinMs:
      timeout === undefined
        ? DEFAULT_REBOOT.withinMs
        : timeOf(`${prefix}timeout`, timeout, SHORTEST_REBOOT_MS, LONGEST_REBOOT_MS),
    settleMs: DEFAULT_REBOOT.settleMs,
  };
}

function refuseRest({ method, message, delay, timeout, sessionsFirst }: GivenReboot, prefix: string): void {
  const given = Object.entries({ method, message, delay, timeout }).find(([, value]) => value !== undefined);
  const option = given ? `${prefix}${given[0]}` : sessionsFirst ? "--sessions-first" : null;
  if (option !== null) throw usageError(option, "no host is rebooted with --reboot never", "leave one of the two out");
}

function messageOf(option: string, text: string): string {
  if (text.length > LONGEST_MESSAGE) {
    throw usageError(option, `has ${text.length} characters, at most ${LONGEST_MESSAGE} are shown`, "say it shorter");
  }
  if (visible(text) === text) return text;
  throw usageError(option, "has control characters, which no terminal would show", "write one line of plain text");
}

function timeOf(option: string, text: string, leastMs: number, mostMs: number): number {
  const ms = durationOf(option, text);
  if (ms >= leastMs && ms <= mostMs) return ms;
  const range = `${formatDuration(leastMs)} to ${formatDuration(mostMs)}`;
  throw usageError(option, `${text} is out of range`, `give a time from ${range}`);
}

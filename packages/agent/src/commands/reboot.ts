import { usageError } from "@afterpatch/core/command-error";
import { DEFAULT_REBOOT, REBOOT_METHODS, type RebootMethod } from "@afterpatch/core/plan/reboot";
import type { Argv, CommandModule } from "yargs";
import type { GlobalOptions } from "../command-line.ts";
import { checkTarget } from "../output.ts";
import { durationOf } from "@afterpatch/core/command-line";
import { sessionsFirst, type WarningArguments, warningOf, withWarning } from "./reboot-options.ts";

export interface RebootCommandArguments extends GlobalOptions, WarningArguments {
  readonly method: RebootMethod;
  readonly sessionsFirst: boolean;
  readonly settle: string | undefined;
  readonly cancel: boolean;
  readonly yes: boolean;
  readonly format: "table" | "json";
  readonly out: string | undefined;
}

export const reboot: CommandModule<object, RebootCommandArguments> = {
  command: "reboot",
  describe: "Reboot this host, and prove what came up; or cancel a reboot that waits",
  builder: (parser) =>
    withWarning(parser as Argv) // has no options of its own yet
      .option("method", {
        choices: REBOOT_METHODS,
        default: DEFAULT_REBOOT.method,
        requiresArg: true,
        describe: "kexec passes over the firmware, soft-reboot restarts all but the kernel: where the host can",
      })
      .option("sessions-first", sessionsFirst)
      .option("settle", {
        type: "string",
        requiresArg: true,
        defaultDescription: "60s, or longer by the agent's file",
        describe: "How long the host must stay up before the proof",
      })
      .option("cancel", {
        type: "boolean",
        default: false,
        describe: "Cancel the one that waits, whoever ordered it; --message says why",
      })
      .option("yes", { type: "boolean", alias: "y", default: false, describe: "Do not ask" })
      .option("format", {
        alias: "o",
        choices: ["table", "json"] as const,
        default: "table" as const,
        requiresArg: true,
        describe: "How to print the result",
      })
      .option("out", { type: "string", requiresArg: true, describe: "Write the result to this file" })
      .example([
        ["afterpatch-agent reboot", "ask, then reboot; 'apply' tells afterwards what came of it"],
        ["afterpatch-agent reboot --delay 5m", "people on the host have five minutes, --message tells them why"],
        ["afterpatch-agent reboot --cancel", "not now: the one that waits does not come"],
      ]) as never, // sessions-first arrives as sessionsFirst too, which yargs' types do not join
  handler: async (args) => {
    checkTarget(args);
    const warning = warningOf(args);
    if (args.cancel) {
      refuseWithCancel(args);
      const { cancelReboot } = await import("../apply/cancel.ts");
      process.exitCode = cancelReboot(args);
      return;
    }
    const settleMs = durationOf("--settle", args.settle);
    const { method, sessionsFirst } = args;
    const how = { ...DEFAULT_REBOOT, ...warning, mode: "always", method, sessionsFirst } as const;
    const local = await import("../apply/local.ts");
    process.exitCode = await local.apply({ ...EVERYTHING, ...args, what: "reboot", how, graceMs: null, settleMs });
  },
};

/** Who cancels a reboot orders none: what says how it is done would be passed over. */
function refuseWithCancel({ delay, settle, method, sessionsFirst }: RebootCommandArguments): void {
  const given = [
    ...(delay === undefined ? [] : ["--delay"]),
    ...(settle === undefined ? [] : ["--settle"]),
    ...(method === DEFAULT_REBOOT.method ? [] : ["--method"]),
    ...(sessionsFirst ? ["--sessions-first"] : []),
  ];
  const [option] = given;
  if (option !== undefined)
    throw usageError(option, "does not go with --cancel, which orders no reboot", "leave it out");
}

/** Of `apply`, whose order this is: nothing is narrowed. */
const EVERYTHING = {
  ...{ only: [], unit: [], service: [], application: [], library: [], package: [], cve: [] },
  ...{ dryRun: false, failOnResidue: false },
} as const;

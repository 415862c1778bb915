import { REMEDIES, type RemedyKind } from "@afterpatch/core/scan";
import type { Argv, CommandModule } from "yargs";
import type { GlobalOptions } from "../command-line.ts";
import { checkTarget } from "../output.ts";
import { durationOf } from "@afterpatch/core/command-line";
import {
  type RebootArguments,
  rebootChoice,
  refuseWarning,
  type WarningArguments,
  warningOf,
  withReboot,
  withWarning,
} from "./reboot-options.ts";

export interface ApplyArguments extends GlobalOptions, RebootArguments, WarningArguments {
  readonly only: readonly RemedyKind[];
  readonly unit: readonly string[];
  readonly service: readonly string[];
  readonly application: readonly string[];
  readonly library: readonly string[];
  readonly package: readonly string[];
  readonly cve: readonly string[];
  readonly grace: string | undefined;
  readonly settle: string | undefined;
  readonly dryRun: boolean;
  readonly yes: boolean;
  readonly failOnResidue: boolean;
  readonly format: "table" | "json";
  readonly out: string | undefined;
}

export const apply: CommandModule<object, ApplyArguments> = {
  command: "apply",
  describe: "Replace what runs old code on this host, and prove it",
  builder: (parser) =>
    withWarning(withReboot(selecting(parser)))
      .option("grace", {
        type: "string",
        requiresArg: true,
        defaultDescription: "the agent's file, or 10s",
        describe: "Between TERM and KILL of a session",
      })
      .option("settle", {
        type: "string",
        requiresArg: true,
        defaultDescription: "the agent's file, or 10s",
        describe: "How long everything must stay up before the proof",
      })
      .option("dry-run", { type: "boolean", default: false, describe: "Show the steps and do nothing" })
      .option("yes", { type: "boolean", alias: "y", default: false, describe: "Do not ask" })
      .option("fail-on-residue", {
        type: "boolean",
        default: false,
        describe: "Exit 4 if something of what was asked for is left that only a person may clear",
      })
      .option("format", {
        alias: "o",
        choices: ["table", "json"] as const,
        default: "table" as const,
        requiresArg: true,
        describe: "How to print the result",
      })
      .option("out", { type: "string", requiresArg: true, describe: "Write the result to this file" })
      .example([
        ["afterpatch-agent apply", "show the steps, ask, carry them out, prove it"],
        ["afterpatch-agent apply --service imap --grace 30s", "end the old sessions of one xinetd service"],
        ["afterpatch-agent apply --unit ssh --yes -o json", "one unit, for a program"],
        ["afterpatch-agent apply --library 'libwrap.so*'", "who runs an old libwrap, each by its own step"],
        ["afterpatch-agent apply --package libssl3 --dry-run", "the same for a package; nothing is done"],
        ["afterpatch-agent apply --cve CVE-2026-28387", "who runs without that fix, by the packages' changelogs"],
        ["afterpatch-agent apply --reboot never", "restarts alone; a reboot that is needed is left over"],
      ]) as never, // dry-run arrives as dryRun too, which yargs' types do not join
  handler: async (args) => {
    checkTarget(args);
    const graceMs = durationOf("--grace", args.grace);
    const settleMs = durationOf("--settle", args.settle);
    const { only, unit, service, application, library, package: packages, cve } = args;
    const narrowing = { only, unit, service, application, library, package: packages, cve };
    const how = { ...rebootChoice(args, narrowing), ...warningOf(args) };
    if (how.mode === "never") refuseWarning(args);
    const local = await import("../apply/local.ts");
    process.exitCode = await local.apply({ ...args, what: "apply", how, graceMs, settleMs });
  },
};

/** What is asked for; each option narrows the others. */
function selecting(parser: Argv): Argv {
  return parser
    .option("only", {
      type: "array",
      string: true,
      choices: REMEDIES.filter((kind) => kind !== "none"),
      default: [],
      defaultDescription: "every kind",
      requiresArg: true,
      describe: "Only steps of this kind; may be repeated",
    })
    .option("unit", {
      type: "array",
      string: true,
      default: [],
      defaultDescription: "all",
      requiresArg: true,
      describe: "Only this unit; may be repeated",
    })
    .option("service", {
      type: "array",
      string: true,
      default: [],
      defaultDescription: "all",
      requiresArg: true,
      describe: "Only old sessions of this service of xinetd or inetd, or of this Accept=yes socket; may be repeated",
    })
    .option("application", {
      type: "array",
      string: true,
      default: [],
      defaultDescription: "all",
      requiresArg: true,
      describe: "Only what this rule of the agent's file launches; may be repeated",
    })
    .option("library", {
      type: "array",
      string: true,
      default: [],
      defaultDescription: "all",
      requiresArg: true,
      describe: "Only steps for who has an old copy of this library, a path or glob as for users; may be repeated",
    })
    .option("package", {
      type: "array",
      string: true,
      default: [],
      defaultDescription: "all",
      requiresArg: true,
      describe: "The same for all files of a package; may be repeated",
    })
    .option("cve", {
      type: "array",
      string: true,
      default: [],
      defaultDescription: "all",
      requiresArg: true,
      describe: "Only steps for what runs without the fix of this CVE, by changelogs; may be repeated",
    });
}

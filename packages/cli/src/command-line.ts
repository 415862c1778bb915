import yargs, { type Argv } from "yargs";
import type { AddCommand, Chosen, Examples, Reader } from "./command.ts";
import { plan } from "./commands/plan.ts";
import { rolloutAbort } from "./commands/rollout-abort.ts";
import { rolloutList, rolloutStatus, rolloutWatch } from "./commands/rollout-look.ts";
import { rolloutStart } from "./commands/rollout-start.ts";
import { scan, status } from "./commands/status.ts";
import { tokenCreate } from "./commands/token-create.ts";
import { usageError } from "./errors.ts";

export type Parsed =
  | {
      readonly kind: "command";
      readonly chosen: Chosen;
      readonly controller: string | undefined;
      readonly credentials: string | undefined;
    }
  /** `--help` and `--version`. */
  | { readonly kind: "text"; readonly text: string };

const EXIT_CODES =
  "Exit codes: 0 verified or nothing to do, 2 a host failed, 3 halted or aborted, 4 hosts or controller unreachable, " +
  "5 usage or credentials, 6 no such host, 8 stale plan, 9 hosts held by another rollout, 10 work pending, 130 detached.";

const FIRST_EXAMPLES: Examples = [
  ["afterpatch status", "what runs old code, and where"],
  ["afterpatch plan 'role=web' --serial 1,25%", "what a rollout would do"],
  ["afterpatch rollout start 'role=web' --serial 1,25% --reason DSA-6001", "do it"],
];

/** Reads a command line; a mistake in it is a CliError. `columns`: how wide help may be. */
export async function parseCommandLine(argv: readonly string[], version: string, columns: number): Promise<Parsed> {
  let chosen: Chosen | undefined;
  let examples = FIRST_EXAMPLES;
  const reader: Reader = {
    choose: (next) => {
      chosen = next;
    },
    describe: (next) => {
      examples = next;
    },
  };
  const group = (parser: Argv, name: string, summary: string, commands: readonly AddCommand[]) => {
    const build = (inner: Argv) =>
      commands.reduce((each, add) => add(each, reader), inner).demandCommand(1, `'${name}' needs one of its commands`);
    return parser.command(name, summary, build);
  };
  let parser: Argv = configured(version, columns);
  for (const add of [status, scan, plan]) parser = add(parser, reader);
  const rollouts = [rolloutStart, rolloutStatus, rolloutWatch, rolloutAbort, rolloutList];
  parser = group(parser, "rollout", "Start, follow and stop rollouts", rollouts);
  parser = group(parser, "token", "Make join tokens for new hosts", [tokenCreate]);
  let text = "";
  const parsed = await parser.parse([...argv], {}, (_error, _args, output) => {
    text = output;
  });
  if (chosen === undefined) return { kind: "text", text: `${text}\n${text === version ? "" : examplesIn(examples)}` };
  return { kind: "command", chosen, controller: single(parsed.controller), credentials: single(parsed.credentials) };
}

/** Below the help rather than in it: yargs would break the lines, and then they do not work as printed. */
function examplesIn(examples: Examples): string {
  return `\nExamples:\n${examples.map(([line, what]) => `  # ${what}\n  ${line}\n`).join("")}`;
}

function configured(version: string, columns: number) {
  return yargs()
    .scriptName("afterpatch")
    .usage("$0 COMMAND: restart, in a safe order, whatever still runs old code in a fleet, and prove it")
    .option("controller", {
      type: "string",
      requiresArg: true,
      describe: "HOST:PORT of the controller [AFTERPATCH_CONTROLLER]",
    })
    .option("credentials", {
      type: "string",
      requiresArg: true,
      describe: "Directory with your certificate [AFTERPATCH_CREDENTIALS; ~/.config/afterpatch]",
    })
    .strict()
    .exitProcess(false)
    .showHelpOnFail(false)
    .parserConfiguration({
      "greedy-arrays": false,
      "dot-notation": false,
      "parse-positional-numbers": false,
      "boolean-negation": false,
    })
    .check(givenOnce, true)
    .demandCommand(1, "name a command")
    .fail((message, error) => {
      if (error?.name === "CliError") throw error;
      const why = message || error?.message || "cannot be read";
      // yargs counts positionals where a person would name them.
      const isShort = why.startsWith("Not enough non-option arguments");
      const short = "an argument is missing: hosts, such as 'role=web' or 'all', or a rollout's id";
      throw usageError("command line", isShort ? short : why.replaceAll(/\s*\n\s*/g, " "));
    })
    .version(version)
    .help()
    .epilogue(EXIT_CODES)
    .wrap(Math.min(120, columns));
}

/** yargs makes a list of an option that was given twice; only `--label` may be. */
function givenOnce(args: Readonly<Record<string, unknown>>): true {
  for (const [name, value] of Object.entries(args)) {
    if (Array.isArray(value) && name !== "_" && name !== "label") {
      throw usageError(`${name.length === 1 ? "-" : "--"}${name}`, "is given more than once", "give it once");
    }
  }
  return true;
}

function single(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

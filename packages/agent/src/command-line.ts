import { errorIn } from "@afterpatch/core/command-error";
import { checkGiven, parserError } from "@afterpatch/core/command-line";
import yargs, { type Argv, type CommandModule } from "yargs";
import { apply } from "./commands/apply.ts";
import { config } from "./commands/config.ts";
import { enroll } from "./commands/enroll.ts";
import { plan } from "./commands/plan.ts";
import { reboot } from "./commands/reboot.ts";
import { run } from "./commands/run.ts";
import { scan } from "./commands/scan.ts";
import { sessions } from "./commands/sessions.ts";
import { users } from "./commands/users.ts";
import { why } from "./commands/why.ts";
import { PROGRAM } from "./usage.ts";

/** Options of every command. */
export interface GlobalOptions {
  readonly config: string | undefined;
  readonly stateDir: string;
}

const EXIT_CODES =
  "Exit codes: 0 done or nothing to do, 1 internal error, 2 a remedy failed, 3 vetoed, or a rule keeps what was named, 4 controller unreachable or " +
  "residue, 5 usage, 6 no such unit, service, library or pid, 8 stale plan, 9 another apply runs, 10 old code found (with --exit-code).";

/** What a command ends with, as its help says it. */
const EXITS: Readonly<Record<string, string>> = {
  scan: "0 scanned, 1 internal error, 5 usage or configuration, 10 with --exit-code: something runs old code; of --format nagios: 0 ok, 1 warning, 2 critical, 3 unknown",
  users: "0 shown, 1 internal error, 5 usage, 6 nothing of that name",
  sessions: "0 shown, 1 internal error, 5 usage, 6 no such service",
  why: "0 shown, 1 internal error, 5 usage, 6 no such process or unit",
  plan: "0 planned, 1 internal error, 5 usage or configuration, 6 nothing of that name, 10 with --exit-code: something runs old code",
  apply:
    "0 done and proved, or nothing to do; 1 internal error or corrupt journal; 2 a step or its proof failed; 3 a veto, a cap or a rule kept a step; 4 with --fail-on-residue: something is left; 5 usage or configuration; 6 nothing of that name; 8 the plan no longer fits; 9 another apply runs; 130 interrupted, what was done is recorded",
  reboot:
    "0 the reboot was begun, proved or cancelled; 1 internal error; 2 it failed; 3 a veto, a cap or a rule kept it; 5 usage or not confirmed; 6 nothing to cancel; 9 another apply runs",
  enroll:
    "0 joined, 1 internal error, 4 the controller cannot be reached, 5 usage; token refused, used or expired; wrong CA; name taken",
  run: "0 ended by a signal, 1 internal error or corrupt journal, 5 not enrolled, or a mistake in a file",
  config: "0 it holds, 1 internal error, 5 a mistake in it",
};

/**
 * Runs the command of a command line; its handler sets `process.exitCode`. A mistake is a CommandError with exit code 5.
 * Answers with the text of `--help` and `--version`, else nothing. Commands import what they need only when they run.
 */
export async function runCommandLine(argv: readonly string[], version: string, columns: number): Promise<string> {
  let text = "";
  let chosen: (() => unknown) | null = null;
  let command = PROGRAM;
  const words: string[] = [];
  // After yargs is done: while it waits for a handler it lays out the command's help, which costs more than all else it does.
  const later = <T, U>(module: CommandModule<T, U>): CommandModule<T, U> => ({
    ...module,
    builder: (inner) => {
      const [name = "", ...wanted] = String(module.command).split(" ");
      command = `${PROGRAM} ${name}`;
      words.push(
        ...wanted.filter((word) => word.startsWith("<")).map((word) => word.replace(/[<>.]/g, "").toUpperCase()),
      );
      const built = (module.builder as (parser: Argv<T>) => Argv<U>)(inner); // as every command has it
      return built.epilogue(`Exit codes: ${EXITS[name] ?? ""}.`);
    },
    handler: (args) => {
      chosen = () => module.handler(args);
    },
  });
  const parser = configured(argv, version, columns, words)
    .command(later(scan))
    .command(later(users))
    .command(later(sessions))
    .command(later(why))
    .command(later(plan))
    .command(later(apply))
    .command(later(reboot))
    .command(later(enroll))
    .command(later(run))
    .command(later(config));
  try {
    await parser.parseAsync([...argv], {}, (_error, _args, output) => {
      text = output;
    });
    await (chosen as (() => unknown) | null)?.(); // set by a handler, which the compiler does not see
  } catch (thrown) {
    throw errorIn(command, thrown);
  }
  return text === "" ? "" : `${text}\n`;
}

/** Options that may be given more than once. */
const LISTS = ["label", "unit", "service", "application", "library", "only", "paths"];

function configured(
  argv: readonly string[],
  version: string,
  columns: number,
  words: readonly string[],
): Argv<GlobalOptions> {
  return yargs()
    .scriptName(PROGRAM)
    .locale("en")
    .usage("$0 COMMAND: find what still runs old code on this host, and replace it")
    .option("config", { type: "string", requiresArg: true, describe: "Configuration [/etc/afterpatch/agent.yaml]" })
    .option("state-dir", {
      type: "string",
      requiresArg: true,
      default: "/var/lib/afterpatch/agent",
      describe: "Identity, journal and newest report",
    })
    .strict()
    .exitProcess(false)
    .showHelpOnFail(false)
    .parserConfiguration({ "greedy-arrays": false, "dot-notation": false, "boolean-negation": false })
    .check((args) => checkGiven(args, args._?.[0] === "apply" ? [...LISTS, "package", "cve"] : LISTS, argv), true)
    .demandCommand(1, "name a command")
    .fail((message, error) => {
      // Thrown by a command, or by the check above; what yargs itself complains about is a YError.
      if (error && error.name !== "YError") throw error;
      throw parserError(message || "cannot be read", words);
    })
    .version(version)
    .help()
    .alias("help", "h")
    .epilogue(EXIT_CODES)
    .wrap(Math.min(120, columns)) as unknown as Argv<GlobalOptions>; // yargs adds kebab-case twins of the same options
}

import { errorIn } from "@afterpatch/core/command-error";
import { checkGiven, optionsIn, parserError } from "@afterpatch/core/command-line";
import yargs, { type Argv, type CommandModule } from "yargs";
import { COMMANDS, EXITS } from "./commands/all.ts";
import { PROGRAM } from "./usage.ts";

/** Options of every command. */
export interface GlobalOptions {
  readonly config: string | undefined;
  readonly stateDir: string;
}

export const SUMMARY = "find what still runs old code on this host, and replace it";

export const GLOBAL_OPTIONS = {
  config: { type: "string", requiresArg: true, describe: "Configuration [/etc/afterpatch/agent.yaml]" },
  "state-dir": {
    type: "string",
    requiresArg: true,
    default: "/var/lib/afterpatch/agent",
    describe: "Identity, journal and newest report",
  },
} as const;

/** What the commands end with, all together. */
export const EXIT_CODES =
  "Exit codes: 0 done or nothing to do, 1 internal error, 2 a remedy failed, 3 vetoed, or a rule keeps what was named, 4 controller unreachable or " +
  "residue, 5 usage, 6 no such unit, service, library or pid, 8 stale plan, 9 another apply runs, 10 old code found (with --exit-code), 130 not confirmed or interrupted.";

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
  const parser = COMMANDS.reduce<Argv>(
    (each, module) => each.command(later(module)),
    configured(argv, version, columns, words) as unknown as Argv, // no handler is given more than its own builder declares
  );
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
    .usage(`$0 COMMAND: ${SUMMARY}`)
    .options(GLOBAL_OPTIONS)
    .strict()
    .exitProcess(false)
    .showHelpOnFail(false)
    .parserConfiguration({ "greedy-arrays": false, "dot-notation": false, "boolean-negation": false })
    .check((args) => checkGiven(args, args._?.[0] === "apply" ? [...LISTS, "package", "cve"] : LISTS, argv), true)
    .demandCommand(1, "name a command")
    .fail((message, error, usage: unknown) => {
      // Thrown by a command, or by the check above; what yargs itself complains about is a YError.
      if (error && error.name !== "YError") throw error;
      throw parserError(message || "cannot be read", words, { argv, options: optionsIn(usage) });
    })
    .version(version)
    .help()
    .alias("help", "h")
    .epilogue(EXIT_CODES)
    .wrap(Math.min(120, columns)) as unknown as Argv<GlobalOptions>; // yargs adds kebab-case twins of the same options
}

import { inspect } from "node:util";
import { type CommandError, errorIn, errorLine } from "@afterpatch/core/command-error";
import { checkGiven, optionsIn, parserError } from "@afterpatch/core/command-line";
import { EXIT } from "@afterpatch/core/exit";
import yargs, { type Argv, type CommandModule } from "yargs";
import { COMMANDS, SUMMARY } from "./commands/all.ts";
import { StoreError, storeFailure } from "./store/errors.ts";
import { version } from "./version.ts";

const PROGRAM = "afterpatch-controller";
const { argv, env, stdout, stderr } = process;

// What was to be said did not arrive; a reader that went away, such as `head`, is no error of ours.
stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") return;
  stderr.write(`${PROGRAM}: standard output: ${error.message}; see to the disk or the pipe, then start it again\n`);
  process.exit(EXIT.internal);
});

let command = PROGRAM;
// No await at the top level: the programs that are made for packages are CommonJS, see deploy/package.
void run();

async function run(): Promise<void> {
  try {
    let text = "";
    const configured = yargs()
      .scriptName(PROGRAM)
      .usage(`$0 COMMAND\n\n${SUMMARY}`)
      .demandCommand(
        1,
        1,
        "name a command: init, serve, ready, check-config, backup, restore, login-token or ca-renew",
        "more than one command given",
      )
      .strict()
      .exitProcess(false)
      .showHelpOnFail(false)
      .parserConfiguration({ "dot-notation": false, "boolean-negation": false, "greedy-arrays": false })
      .check((args) => checkGiven(args, ["name"], argv.slice(2)))
      .locale("en")
      .version(version)
      .help()
      .alias("help", "h")
      .wrap(120)
      .fail((message, error, usage: unknown) => {
        if (error && error.name !== "YError") throw error;
        throw parserError(message || "cannot be read", [], { argv: argv.slice(2), options: optionsIn(usage) });
      });
    const parser = COMMANDS.reduce((each, module) => each.command(named(module)), configured);
    await parser.parseAsync(argv.slice(2), {}, (_error, _args, output) => {
      text = output;
    });
    if (text !== "") stdout.write(`${text}\n`);
  } catch (thrown) {
    const error = failureOf(thrown);
    process.exitCode = error.exit;
    stderr.write(errorLine(PROGRAM, error));
    if (error.exit === EXIT.internal && env.AFTERPATCH_DEBUG) stderr.write(`${inspect(thrown)}\n`);
  }
}

/** A command that says when it is the one that is read: what is wrong then is wrong with it. */
function named<T, U>(module: CommandModule<T, U>): CommandModule<T, U> {
  return {
    ...module,
    builder: (inner) => {
      command = `${PROGRAM} ${module.command}`;
      return (module.builder as (parser: Argv<T>) => Argv<U>)(inner); // as both commands have it
    },
  };
}

function failureOf(thrown: unknown): CommandError {
  return errorIn(command, thrown instanceof StoreError ? storeFailure(thrown) : thrown);
}

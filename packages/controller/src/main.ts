import { inspect } from "node:util";
import yargs from "yargs";
import { hideBin } from "yargs/helpers";
import { initCommand } from "./commands/init.ts";
import { serveCommand } from "./commands/serve.ts";
import { Failure } from "./failure.ts";
import { StoreError } from "./store/errors.ts";
import { version } from "./version.ts";

const PROGRAM = "afterpatch-controller";

try {
  await yargs(hideBin(process.argv))
    .scriptName(PROGRAM)
    .usage("$0 COMMAND\n\nEnrols hosts, keeps their reports and runs rollouts.")
    .command(initCommand)
    .command(serveCommand)
    .demandCommand(1, 1, "no command given", "more than one command given")
    .strict()
    .check((args) => {
      const twice = Object.keys(args).find((key) => key !== "_" && key !== "name" && Array.isArray(args[key]));
      if (twice !== undefined) throw new Failure(5, `--${twice}: given more than once; give it once`);
      return true;
    })
    .locale("en")
    .version(version)
    .help()
    .wrap(100)
    .fail((message, error) => {
      if (error instanceof Error) throw error;
      throw new Failure(5, `${oneLine(message)}; see '${PROGRAM} --help'`);
    })
    .parseAsync();
} catch (error) {
  process.stderr.write(`${PROGRAM}: ${explain(error)}\n`);
  process.exitCode = error instanceof Failure ? error.exitCode : 1;
}

function explain(error: unknown): string {
  if (error instanceof Failure || error instanceof StoreError) return oneLine(error.message);
  return oneLine(`internal error: ${error instanceof Error ? error.message : inspect(error)}; please report it`);
}

function oneLine(text: string): string {
  return text.replaceAll(/\s*\n\s*/g, " ");
}

import { runCommandLine } from "./command-line.ts";
import { type CommandLine, orFail } from "./failure.ts";
import { PROGRAM } from "./usage.ts";
import { version } from "./version.ts";

/** Whatever the command line says, `--help` and mistakes too. The build puts it apart, with all that only it needs. */
export function runAnyCommand(line: CommandLine): Promise<void> {
  const { stdout } = process;
  return orFail(PROGRAM, line, async () => {
    stdout.write(await runCommandLine(line.args, version, stdout.columns || 100));
  });
}

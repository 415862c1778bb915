import type { GlobalOptions } from "./command-line.ts";
import { type CommandLine, orFail } from "./failure.ts";
import { run } from "./session/daemon.ts";
import { PROGRAM } from "./usage.ts";

/** The daemon without the parser of all commands and without what its scans need. The build puts it apart. */
export function runDaemon(line: CommandLine, options: GlobalOptions): Promise<void> {
  return orFail(`${PROGRAM} run`, line, async () => {
    process.exitCode = await run(options);
  });
}

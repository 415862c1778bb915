import { setFlagsFromString } from "node:v8";
import { EXIT } from "@afterpatch/core/exit";
import { runScan } from "./commands/scan.ts";
import { orFail } from "./failure.ts";
import { plainScan } from "./plain-scan.ts";
import { SCAN_CHILD } from "./scan-child/messages.ts";
import { PROGRAM } from "./usage.ts";

const { argv, env, stdout, stderr } = process;
const args = argv.slice(2);

// A reader that went away, such as `head`, is no error of ours.
for (const stream of [stdout, stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(process.exitCode ?? EXIT.ok);
    stderr.write(`${PROGRAM}: standard output: ${error.message}; see to the disk or the pipe, then ask again\n`);
    process.exit(EXIT.internal);
  });
}

const line = { args, isDebugging: Boolean(env.AFTERPATCH_DEBUG) };
const plain = plainScan(args);
if (args[0] === SCAN_CHILD && process.send) (await import("./scan-child/child.ts")).serveScans();
else if (plain) {
  // Most of a scan is the kernel's work: it ends before optimized code would pay for the threads that compile it.
  for (const flag of ["--no-opt", "--no-maglev"]) setFlagsFromString(flag);
  await orFail(`${PROGRAM} scan`, line, () => runScan(plain));
} else await (await import("./any-command.ts")).runAnyCommand(line);

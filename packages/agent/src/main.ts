import { setFlagsFromString } from "node:v8";
import { EXIT } from "@afterpatch/core/exit";
import { plainRun } from "./plain-run.ts";
import { plainScan } from "./plain-scan.ts";
import { SCAN_CHILD } from "./scan-child/messages.ts";
import { PROGRAM } from "./usage.ts";

const { argv, env, stdout, stderr } = process;
const args = argv.slice(2);
const line = { args, isDebugging: Boolean(env.AFTERPATCH_DEBUG) };
const scan = plainScan(args);
const daemon = plainRun(args);
const isScanChild = args[0] === SCAN_CHILD && process.send !== undefined;

// Most of a scan is the kernel's work: it ends before optimized code would pay for the threads that compile it. The daemon
// and the process that scans for it rest after it: compiled code, space for objects that live shortly, and code that ran
// once would only stay in memory.
if (scan || daemon || isScanChild) set("--no-opt", "--no-maglev");
if (daemon || isScanChild) set("--no-sparkplug", "--optimize-for-size", "--semi-space-growth-factor=1");
if (daemon) set("--bytecode-old-age=1");

// A reader that went away, such as `head`, is no error of ours.
for (const stream of [stdout, stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(process.exitCode ?? EXIT.ok);
    stderr.write(`${PROGRAM}: standard output: ${error.message}; see to the disk or the pipe, then ask again\n`);
    process.exit(EXIT.internal);
  });
}

// No await at the top level: the programs that are made for packages are CommonJS, see deploy/package.
void run();

async function run(): Promise<void> {
  if (isScanChild) (await import("./only-scan.ts")).serveScans();
  else if (scan) await (await import("./only-scan.ts")).scanOnce(line, scan);
  else if (daemon) await (await import("./only-daemon.ts")).runDaemon(line, daemon);
  else await (await import("./any-command.ts")).runAnyCommand(line);
}

function set(...flags: readonly string[]): void {
  for (const flag of flags) setFlagsFromString(flag);
}

import { runScan, type ScanArguments } from "./commands/scan.ts";
import { type CommandLine, orFail } from "./failure.ts";
import { PROGRAM } from "./usage.ts";

export { serveScans } from "./scan-child/child.ts";

/** One scan and nothing else. The build puts it apart, in one file: each more costs as much as the scan of some processes. */
export function scanOnce(line: CommandLine, args: ScanArguments): Promise<void> {
  return orFail(`${PROGRAM} scan`, line, () => runScan(args));
}

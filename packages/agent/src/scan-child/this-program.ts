import { isSea } from "node:sea";

/**
 * What starts the program that this process runs once more. A single executable starts what it was started from, even when
 * an upgrade has put another in its place: the two processes of one agent are never of two versions.
 */
export function thisProgram(): readonly [string, ...string[]] {
  if (isSea()) return ["/proc/self/exe"];
  return [process.execPath, ...process.execArgv, process.argv[1] ?? ""]; // which program this is, not what it was told
}

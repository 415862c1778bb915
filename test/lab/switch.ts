import { type ChildProcess, type StdioOptions, spawn } from "node:child_process";
import { type Finished, type RunOptions, run } from "./commands.ts";
import { type Lab, record } from "./lab.ts";

/** Runs a command in the switch's namespace, where ctl.example.net is this side and all hosts are reachable. */
export function execOnSwitch(lab: Lab, argv: readonly string[], options: RunOptions = {}): Promise<Finished> {
  return run(["ip", "netns", "exec", lab.switchNamespace, ...argv], options);
}

/** Starts a command there, a controller say. The pid is the command's own; it ends with the lab or this process. */
export async function spawnOnSwitch(
  lab: Lab,
  argv: readonly string[],
  options: { readonly stdio?: StdioOptions; readonly env?: NodeJS.ProcessEnv } = {},
): Promise<ChildProcess> {
  // Both programs in front of the command execute it in place, so the pid stays; setpriv(1), ip-netns(8).
  const child = spawn("setpriv", ["--pdeathsig", "TERM", "ip", "netns", "exec", lab.switchNamespace, ...argv], {
    stdio: options.stdio ?? "pipe",
    env: options.env ?? process.env,
  });
  await new Promise((resolve, reject) => child.once("spawn", resolve).once("error", reject));
  if (child.pid !== undefined) await record(lab, child.pid);
  return child;
}

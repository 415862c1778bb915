import { existsSync } from "node:fs";
import { readdir, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { identityOf, isErrorOf, kill, readOrUndefined, until } from "./processes.ts";

/** Where boot.sh makes a host's cgroups: the places of cgroup v1, hybrid and v2. */
const trees = ["/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified", "/sys/fs/cgroup"];

/**
 * Kills what is left of a host, then removes its cgroups. Only the host was ever put there, so whatever the boot loop's
 * end has left behind is the lab's: a killed nspawn does not take its host along.
 */
export async function removeCgroups(name: string): Promise<void> {
  for (const top of trees.map((tree) => join(tree, name))) {
    await until(`removal of cgroup ${top}`, 20_000, () => removed(top));
  }
}

/** Whether this process is the PID 1 of a pid namespace one below ours. */
export async function isInit(pid: number): Promise<boolean> {
  return /^NSpid:\t\d+\t1$/m.test((await readOrUndefined(`/proc/${pid}/status`)) ?? "");
}

/** One attempt. A host that is just starting forks, moves between cgroups and makes new ones while we look. */
async function removed(top: string): Promise<true | undefined> {
  if (!existsSync(top)) return true;
  try {
    const directories = await below(top);
    const pids = (await Promise.all(directories.map(processesIn))).flat();
    // The rest of the host ends with its PID 1, which would otherwise tidy up meanwhile; pid_namespaces(7).
    const inits: number[] = [];
    for (const pid of pids) if (await isInit(pid)) inits.push(pid); // one after the other: there may be thousands
    for (const pid of [...inits, ...pids]) {
      const process = await identityOf(pid);
      if (process !== undefined) await kill(process);
    }
    for (const directory of directories) await rmdir(directory);
    return true;
  } catch (error) {
    if (isErrorOf(error, "EBUSY", "ENOENT")) return undefined;
    throw error;
  }
}

async function processesIn(directory: string): Promise<readonly number[]> {
  const pids = await readOrUndefined(join(directory, "cgroup.procs"));
  return (pids ?? "")
    .split("\n")
    .filter((line) => line !== "")
    .map(Number);
}

/** The directory and all below it, the deepest first. */
async function below(directory: string): Promise<readonly string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const directories = entries.filter((entry) => entry.isDirectory());
  return [directory, ...directories.map((entry) => join(entry.parentPath, entry.name))].sort(
    (a, b) => b.length - a.length,
  );
}

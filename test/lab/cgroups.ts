import { readdir, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { identityOf, kill, readOrUndefined, until } from "./processes.ts";

/** Where boot.sh makes a host's cgroups: the places of cgroup v1, hybrid and v2. */
const trees = ["/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified", "/sys/fs/cgroup"];

/**
 * Kills what is left of a host, then removes its cgroups. Only the host was ever put there, so whatever the boot loop's
 * end has left behind is the lab's: a killed nspawn does not take its host along.
 */
export async function removeCgroups(name: string): Promise<void> {
  for (const top of trees.map((tree) => join(tree, name))) {
    const pids = (await Promise.all((await below(top)).map(processesIn))).flat();
    // The rest of the host ends with its PID 1, which would otherwise tidy up its cgroups while we do; pid_namespaces(7).
    const inits = await Promise.all(pids.map(async (pid) => ((await isInit(pid)) ? [pid] : [])));
    for (const pid of [...inits.flat(), ...pids]) {
      const process = await identityOf(pid);
      if (process !== undefined) await kill(process);
    }
    for (const directory of await below(top)) await until(`removal of ${directory}`, 10_000, () => removed(directory));
  }
}

/** Whether this process is the PID 1 of a pid namespace one below ours. */
export async function isInit(pid: number): Promise<boolean> {
  return /^NSpid:\t\d+\t1$/m.test((await readOrUndefined(`/proc/${pid}/status`)) ?? "");
}

async function processesIn(directory: string): Promise<readonly number[]> {
  const pids = await readOrUndefined(join(directory, "cgroup.procs"));
  return (pids ?? "")
    .split("\n")
    .filter((line) => line !== "")
    .map(Number);
}

/** The directory and all below it, the deepest first; none when it does not exist. */
async function below(directory: string): Promise<readonly string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true }).catch(() => undefined);
  if (entries === undefined) return [];
  const directories = entries.filter((entry) => entry.isDirectory());
  return [directory, ...directories.map((entry) => join(entry.parentPath, entry.name))].sort(
    (a, b) => b.length - a.length,
  );
}

/** A cgroup is busy until its last process has gone through its end. */
async function removed(directory: string): Promise<true | undefined> {
  try {
    await rmdir(directory);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EBUSY") return undefined;
    throw error;
  }
}

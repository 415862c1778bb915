import { readdir, readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { LabError } from "./commands.ts";

/** A process that cannot be mistaken for a later one with the same pid. `startTicks`: field 22 of proc_pid_stat(5). */
export interface ProcessIdentity {
  readonly pid: number;
  readonly startTicks: number;
}

export async function identityOf(pid: number): Promise<ProcessIdentity | undefined> {
  const startTicks = await startTicksOf(pid);
  return startTicks === undefined ? undefined : { pid, startTicks };
}

export async function isAlive(process: ProcessIdentity): Promise<boolean> {
  return (await startTicksOf(process.pid)) === process.startTicks;
}

/** Kills exactly this process, when it still is this one, and waits until it is gone. */
export async function kill(target: ProcessIdentity): Promise<void> {
  if (!(await isAlive(target))) return;
  try {
    process.kill(target.pid, "SIGKILL");
  } catch (error) {
    if (!isErrorOf(error, "ESRCH")) throw error;
  }
  await until(`end of process ${target.pid}`, 10_000, async () => ((await isAlive(target)) ? undefined : true));
}

/**
 * Kills a process that leads a process group, when it still is this one, and the whole group with it in one moment: a
 * child that was just forked does not get away. Waits until all are gone.
 */
export async function killGroup(leader: ProcessIdentity): Promise<void> {
  if (!(await isAlive(leader))) return;
  try {
    process.kill(-leader.pid, "SIGKILL");
  } catch (error) {
    if (!isErrorOf(error, "ESRCH")) throw error;
  }
  const ended = async () => ((await membersOf(leader.pid)).length === 0 ? true : undefined);
  await until(`end of process group ${leader.pid}`, 10_000, ended);
}

/** Children of a process; none when it is gone. */
export async function childrenOf(pid: number): Promise<readonly number[]> {
  const children = await readOrUndefined(`/proc/${pid}/task/${pid}/children`);
  return (children ?? "")
    .split(" ")
    .filter((word) => word !== "")
    .map(Number);
}

/** Polls until `read` gives something; throws LabError "timeout" naming `what`. */
export async function until<T>(
  what: string,
  timeoutMs: number,
  read: () => Promise<T | undefined>,
  signal?: AbortSignal,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const value = await read();
    if (value !== undefined) return value;
    if (performance.now() > deadline) throw new LabError("timeout", `${what}: did not happen within ${timeoutMs} ms`);
    await sleep(50, undefined, signal === undefined ? {} : { signal });
  }
}

/** Text of a file; `undefined` when the file, or the process or cgroup it tells of, is gone or going. */
export async function readOrUndefined(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (isErrorOf(error, "ENOENT", "ESRCH", "EINVAL", "ENODEV")) return undefined;
    throw error;
  }
}

/** Whether this is a system error with one of these codes, errno(3). */
export function isErrorOf(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && "code" in error && codes.includes(String(error.code));
}

async function membersOf(group: number): Promise<readonly number[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  const members: number[] = [];
  // One after the other: a host of the lab may run more processes than this one may have files open.
  for (const pid of pids) if (Number((await livingStat(pid))?.[2]) === group) members.push(pid);
  return members;
}

async function startTicksOf(pid: number): Promise<number | undefined> {
  const fields = await livingStat(pid);
  return fields === undefined ? undefined : Number(fields[19]);
}

/**
 * The fields of proc_pid_stat(5) from the third on, the state. A zombie counts as gone: it holds no namespace, mount or
 * file, and its parent may be slow.
 */
async function livingStat(pid: number): Promise<readonly string[] | undefined> {
  const stat = await readOrUndefined(`/proc/${pid}/stat`);
  const fields = stat?.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields?.[0] === "Z" ? undefined : fields;
}

import { readdir, readFile } from "node:fs/promises";

/** Megabytes. */
export interface Memory {
  readonly rss: number;
  readonly pss: number;
  /** Shared with no other process. */
  readonly own: number;
  /** Not backed by files. */
  readonly anonymous: number;
  /** Largest `rss` since the process began. */
  readonly peak: number;
}

export interface Cpu {
  /** By the scheduler's clock, see /proc/PID/schedstat; null where that is gone. */
  readonly ms: number;
  /** User and system time of /proc/PID/stat, in hundredths of a second. */
  readonly ticksMs: number;
}

export async function memoryOf(pid: number): Promise<Memory> {
  const field = (text: string, name: string): number =>
    Number(new RegExp(`^${name}:\\s*([0-9]+) kB`, "m").exec(text)?.[1]);
  const rollup = await readFile(`/proc/${pid}/smaps_rollup`, "utf8");
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return {
    rss: field(rollup, "Rss") / 1024,
    pss: field(rollup, "Pss") / 1024,
    own: (field(rollup, "Private_Clean") + field(rollup, "Private_Dirty")) / 1024,
    anonymous: field(rollup, "Anonymous") / 1024,
    peak: field(status, "VmHWM") / 1024,
  };
}

/** Of all its threads, and of the children it has waited for. */
export async function cpuOf(pid: number): Promise<{ readonly own: Cpu; readonly ofChildren: Cpu }> {
  const stat = await readFile(`/proc/${pid}/stat`, "latin1");
  const fields = stat
    .slice(stat.lastIndexOf(")") + 2)
    .split(" ")
    .map(Number);
  const [user = 0, system = 0, usersOfChildren = 0, systemOfChildren = 0] = fields.slice(11, 15);
  let ns = 0;
  for (const task of await readdir(`/proc/${pid}/task`)) {
    ns += Number((await readFile(`/proc/${pid}/task/${task}/schedstat`, "latin1")).split(" ")[0]);
  }
  const childrenMs = (usersOfChildren + systemOfChildren) * 10;
  return {
    own: { ms: ns / 1e6, ticksMs: (user + system) * 10 },
    ofChildren: { ms: childrenMs, ticksMs: childrenMs },
  };
}

export async function childrenOf(pid: number): Promise<readonly number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, "latin1");
  return text.trim().split(" ").filter(Boolean).map(Number);
}

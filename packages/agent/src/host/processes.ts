import { readdirSync } from "node:fs";
import { type CodeMapping, executableMappings } from "@afterpatch/core/proc/maps";
import { type ProcessStat, parseStat } from "@afterpatch/core/proc/stat";
import { codeOf, explain, isGone, readLink, readProc, readRecord } from "./read.ts";

/** A process whose maps were read. */
export interface Task {
  readonly pid: number;
  /** `/proc/PID`; `/proc/TID` of a living thread where the leader has exited: its files lead to the same memory. */
  readonly proc: string;
  readonly stat: ProcessStat;
}

/** Processes with the same mount namespace and root: the same path means the same file to them. */
export interface Place {
  readonly mountNamespace: string;
  /** As readlink of /proc/PID/root names it. */
  readonly root: string;
  readonly tasks: Task[];
  /** Unique mapped files, by device, inode and path as printed. */
  readonly files: Map<string, MappedFile>;
}

export interface MappedFile {
  /** `range` is that of the first holder. */
  readonly mapping: CodeMapping;
  readonly holders: Task[];
  /** Bytes of the first holder's, as they were then. */
  readonly maps: Buffer;
}

export interface ProcessTable {
  readonly places: readonly Place[];
  readonly stats: ReadonlyMap<number, ProcessStat>;
  seen: number;
  scanned: number;
  vanished: number;
  readonly unreadable: { pid: number; why: string }[];
}

type Outcome = "scanned" | "vanished" | "kernel-thread" | { readonly why: string };

/** Every process of /proc, once. Kernel threads are not counted. */
export function readProcesses(): ProcessTable {
  const places = new Map<string, Place>();
  const stats = new Map<number, ProcessStat>();
  const table = { seen: 0, scanned: 0, vanished: 0, unreadable: [] as { pid: number; why: string }[] };
  const names = readdirSync("/proc");
  // PID 1 is there as long as its namespace is: whoever does not see it does not see others either, nor how many.
  if (!names.includes("1")) {
    table.seen += 1;
    table.unreadable.push({
      pid: 1,
      why: "/proc hides it and others from this user, and how many is not known (hidepid)",
    });
  }
  for (const name of names) {
    const first = name.charCodeAt(0);
    if (first < 0x30 || first > 0x39) continue;
    const pid = Number(name);
    const outcome = readProcess(pid, places, stats);
    if (outcome === "kernel-thread") continue;
    table.seen += 1;
    if (typeof outcome === "object") table.unreadable.push({ pid, why: outcome.why });
    else table[outcome] += 1;
  }
  return { ...table, places: [...places.values()], stats };
}

function readProcess(pid: number, places: Map<string, Place>, stats: Map<number, ProcessStat>): Outcome {
  let reading = "stat";
  try {
    let proc = `/proc/${pid}`;
    const stat = readStat(proc);
    if (stat === null) return { why: "stat: not understood" };
    if (stat.isKernelThread) return "kernel-thread";
    stats.set(pid, stat);
    if (hasExited(stat)) {
      const thread = livingThread(pid);
      if (thread === null) return "scanned"; // a zombie runs no code
      proc = `/proc/${thread}`;
    }
    reading = "maps";
    let maps = readProc(`${proc}/maps`);
    if (maps === "") {
      // Memory is given back before the entry goes away; other threads may still hold it.
      const thread = livingThread(pid);
      if (thread === null) return "vanished";
      proc = `/proc/${thread}`;
      maps = readProc(`${proc}/maps`);
    }
    reading = "mount namespace";
    const place = placeOf(readLink(`${proc}/ns/mnt`), readLink(`${proc}/root`), places);
    const task = { pid, proc, stat };
    place.tasks.push(task);
    collect(maps, task, place);
    return "scanned";
  } catch (error) {
    const code = codeOf(error);
    return isGone(code) ? "vanished" : { why: `${reading}: ${explain(code)}` };
  }
}

export function readStat(proc: string): ProcessStat | null {
  return parseStat(readRecord(`${proc}/stat`));
}

function hasExited({ state }: ProcessStat): boolean {
  return state === "Z" || state === "X";
}

/** A thread that goes on after the leader of its process has exited. */
export function livingThread(pid: number): number | null {
  for (const name of readdirSync(`/proc/${pid}/task`)) {
    if (name === String(pid)) continue;
    const thread = Number(name);
    if (isLiving(`/proc/${pid}/task/${thread}`)) return thread;
  }
  return null;
}

function isLiving(proc: string): boolean {
  try {
    const stat = readStat(proc);
    return stat !== null && !hasExited(stat);
  } catch (error) {
    if (isGone(codeOf(error))) return false;
    throw error;
  }
}

function placeOf(mountNamespace: string, root: string, places: Map<string, Place>): Place {
  const key = `${mountNamespace} ${root}`;
  let place = places.get(key);
  if (!place) {
    place = { mountNamespace, root, tasks: [], files: new Map() };
    places.set(key, place);
  }
  return place;
}

function collect(maps: string, task: Task, { files }: Place): void {
  const isKnown = (tail: string): boolean => {
    const holders = files.get(tail)?.holders;
    if (holders === undefined) return false;
    if (holders.at(-1) !== task) holders.push(task);
    return true;
  };
  const found = executableMappings(maps, isKnown);
  if (found.length === 0) return;
  // A part of a string keeps all of it in memory: what is kept is made of a copy, and the text itself goes soon.
  const bytes = Buffer.from(maps, "latin1");
  for (const { range, device, inode, path, tail, offset, isTemporary } of found) {
    if (files.has(tail)) continue;
    const mapping = {
      range: alone(range),
      device: alone(device),
      inode: alone(inode),
      path: alone(path),
      tail: alone(tail),
      offset,
      isTemporary,
    };
    files.set(mapping.tail, { mapping, holders: [task], maps: bytes });
  }
}

function alone(text: string): string {
  return Buffer.from(text, "latin1").toString("latin1");
}

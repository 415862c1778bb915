import { closeSync, constants, openSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { type ProcessStat, parseStat } from "@afterpatch/core/proc/stat";

export interface ProcessRef {
  readonly pid: number;
  /** Field 22 of proc_pid_stat(5); with the pid the identity of a process within one boot. */
  readonly startTicks: number;
}

/** All processes of this PID namespace, by pid. */
export function processTable(): ReadonlyMap<number, ProcessStat> {
  const table = new Map<number, ProcessStat>();
  for (const name of readdirSync("/proc")) {
    if (!/^[0-9]+$/.test(name)) continue;
    const stat = readStat(`/proc/${name}`);
    if (stat) table.set(Number(name), stat);
  }
  return table;
}

/** A process held by an open /proc/PID: what is read through it never comes from another process that got the same pid. */
export class Pinned {
  readonly pid: number;
  readonly startTicks: number;
  readonly #fd: number;

  private constructor({ pid, startTicks }: ProcessRef, fd: number) {
    this.pid = pid;
    this.startTicks = startTicks;
    this.#fd = fd;
  }

  /** Null when the process has ended, whoever has its pid now. */
  static open(process: ProcessRef): Pinned | null {
    let fd: number;
    try {
      fd = openSync(`/proc/${process.pid}`, constants.O_RDONLY | constants.O_DIRECTORY);
    } catch (error) {
      if (isGone(error)) return null;
      throw error;
    }
    const pinned = new Pinned(process, fd);
    if (pinned.isAlive()) return pinned;
    pinned.close();
    return null;
  }

  /** A zombie runs no code any more. */
  isAlive(): boolean {
    const stat = readStat(`/proc/self/fd/${this.#fd}`);
    return stat !== null && stat.startTicks === this.startTicks && stat.state !== "Z" && stat.state !== "X";
  }

  /** Sends the signal when it is still the same process. False: it has ended. */
  signal(name: "SIGTERM" | "SIGKILL" | number): boolean {
    if (!this.isAlive()) return false;
    try {
      process.kill(this.pid, name);
      return true;
    } catch (error) {
      if (isGone(error)) return false;
      throw error;
    }
  }

  close(): void {
    closeSync(this.#fd);
  }
}

/** Whether this very process still runs. */
export function isRunning(ref: ProcessRef): boolean {
  const pinned = Pinned.open(ref);
  pinned?.close();
  return pinned !== null;
}

/** What a link of /proc/PID names, or null when the process ended or cannot be read. */
export function procLink(pid: number, name: string): string | null {
  try {
    return readlinkSync(`/proc/${pid}/${name}`);
  } catch (error) {
    if (isGone(error) || isForbidden(error)) return null;
    throw error;
  }
}

/** Text of a file of /proc/PID, one byte per character, or null when the process ended or cannot be read. */
export function procText(pid: number, name: string): string | null {
  try {
    return readFileSync(`/proc/${pid}/${name}`, "latin1");
  } catch (error) {
    if (isGone(error) || isForbidden(error)) return null;
    throw error;
  }
}

/** Of a process that still runs. */
export function realUid(pid: number): number | null {
  const uid = /^Uid:\t([0-9]+)/m.exec(procText(pid, "status") ?? "")?.[1];
  return uid === undefined ? null : Number(uid);
}

function readStat(directory: string): ProcessStat | null {
  try {
    return parseStat(readFileSync(`${directory}/stat`, "latin1"));
  } catch (error) {
    if (isGone(error)) return null;
    throw error;
  }
}

function isGone(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ESRCH");
}

function isForbidden(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "EACCES" || error.code === "EPERM");
}

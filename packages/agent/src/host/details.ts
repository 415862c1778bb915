import { readdirSync } from "node:fs";
import type { ProcessFacts, SocketFacts } from "@afterpatch/core/facts";
import { socketInode } from "@afterpatch/core/proc/net";
import { textOfBytes } from "@afterpatch/core/text";
import { isLoginServer } from "@afterpatch/core/detect/session";
import { superServer } from "@afterpatch/core/xinetd/match";
import { readStat } from "./processes.ts";
import { codeOf, readProc, tryLink } from "./read.ts";

// Read only for processes that map a file that differs, and for their relatives.

/** What does not change from process to process. */
export interface Surroundings {
  /** Epoch milliseconds at which the machine started, by the current clock. */
  readonly bootedAt: number;
  readonly users: ReadonlyMap<string, string>;
  readonly withSockets: boolean;
}

/** Facts of one process, its sockets still as inodes by descriptor. */
export interface Details extends Omit<ProcessFacts, "sockets" | "files"> {
  readonly netNamespace: string | null;
  readonly socketInodes: readonly { readonly fd: number; readonly inode: string }[];
}

/** USER_HZ: 100 on every architecture that Node runs on. */
const TICKS_PER_SECOND = 100;
const MAX_DESCRIPTORS = 256;

/** Null when the process is gone, or when its number belongs to another one by now. */
export function readDetails(
  pid: number,
  proc: string,
  expectedTicks: number | null,
  around: Surroundings,
): Details | null {
  try {
    // The leader's, which stays readable after it has exited: a thread has a start time of its own.
    const stat = readStat(`/proc/${pid}`);
    if (stat === null || (expectedTicks !== null && stat.startTicks !== expectedTicks)) return null;
    const executable = textOfBytes(programOf(tryLink(`${proc}/exe`)) ?? stat.comm);
    const details = {
      pid,
      ppid: stat.ppid,
      sid: stat.sid,
      startTicks: stat.startTicks,
      startedAt: Math.round(around.bootedAt + (stat.startTicks * 1000) / TICKS_PER_SECOND),
      user: userOf(readProc(`${proc}/status`), around.users),
      executable,
      argv: argvOf(readProc(`${proc}/cmdline`)),
      cgroup: cgroupOf(proc),
      pidNamespace: tryLink(`${proc}/ns/pid`),
      netNamespace: around.withSockets ? tryLink(`${proc}/ns/net`) : null,
      socketInodes: around.withSockets ? socketsOf(proc, executable) : [],
    };
    // What was read above belongs to one process only if it is still the same one now.
    return readStat(`/proc/${pid}`)?.startTicks === stat.startTicks ? details : null;
  } catch (error) {
    codeOf(error);
    return null;
  }
}

/** Text of /proc/PID/cgroup, null when there is none to read. */
export function cgroupOf(proc: string): string | null {
  try {
    return textOfBytes(readProc(`${proc}/cgroup`));
  } catch (error) {
    codeOf(error);
    return null;
  }
}

export function toProcessFacts(
  details: Details,
  files: readonly number[],
  sockets: readonly SocketFacts[],
): ProcessFacts {
  const { netNamespace: _namespace, socketInodes: _inodes, ...facts } = details;
  return { ...facts, sockets, files };
}

function programOf(link: string | null): string | null {
  return link?.endsWith(" (deleted)") ? link.slice(0, -" (deleted)".length) : link;
}

function argvOf(cmdline: string): readonly string[] {
  const argv = cmdline.split("\0");
  if (argv.at(-1) === "") argv.pop();
  return argv.slice(0, 256).map((argument) => textOfBytes(argument.slice(0, 4096)));
}

function userOf(status: string, users: ReadonlyMap<string, string>): string {
  const [, , effective] = /^Uid:\t([0-9]+)\t([0-9]+)/m.exec(status) ?? [];
  return effective === undefined ? "?" : (users.get(effective) ?? effective);
}

function socketsOf(proc: string, executable: string): Details["socketInodes"] {
  return descriptorsOf(proc, executable).flatMap((fd) => {
    const inode = socketInode(tryLink(`${proc}/fd/${fd}`) ?? "");
    return inode === null ? [] : [{ fd, inode }];
  });
}

/** A session has its connection as standard input; a fork of the super-server itself and sshd have it anywhere. */
function descriptorsOf(proc: string, executable: string): readonly number[] {
  if (superServer(executable) === null && !isLoginServer(executable)) return [0];
  const numbers = readdirSync(`${proc}/fd`).map(Number);
  return numbers.sort((a, b) => a - b).slice(0, MAX_DESCRIPTORS);
}

import { readdirSync } from "node:fs";
import { endianness } from "node:os";
import type { ProcessFacts } from "@afterpatch/core/facts";
import { socketInode } from "@afterpatch/core/proc/net";
import { type Connection, findConnections } from "@afterpatch/core/sessions/peers";
import { codeOf, readProc, tryLink } from "../host/read.ts";

const MAX_DESCRIPTORS = 1024;
const TABLES = [
  ["tcp", "tcp"],
  ["tcp6", "tcp"],
  ["udp", "udp"],
  ["udp6", "udp"],
] as const;

/** Connections that these processes have open, each once, that of the lowest descriptor first. */
export function connectionsOf(processes: readonly ProcessFacts[]): readonly Connection[] {
  const inodes = new Set(processes.flatMap(({ pid }) => socketsOf(pid)));
  const found = new Map<string, Connection>();
  if (inodes.size === 0) return [];
  for (const [table, protocol] of TABLES) {
    const text = readThroughOne(processes, table);
    if (text !== null) findConnections(text, protocol, inodes, endianness() === "LE", found);
  }
  return [...inodes].flatMap((inode) => found.get(inode) ?? []);
}

function socketsOf(pid: number): readonly string[] {
  try {
    const descriptors = readdirSync(`/proc/${pid}/fd`).map(Number);
    descriptors.sort((a, b) => a - b);
    return descriptors
      .slice(0, MAX_DESCRIPTORS)
      .flatMap((fd) => socketInode(tryLink(`/proc/${pid}/fd/${fd}`) ?? "") ?? []);
  } catch (error) {
    codeOf(error); // it ended, or it is not ours to look at
    return [];
  }
}

function readThroughOne(processes: readonly ProcessFacts[], table: string): string | null {
  for (const { pid } of processes) {
    try {
      return readProc(`/proc/${pid}/net/${table}`);
    } catch (error) {
      codeOf(error); // it ended, or this kernel has no such table
    }
  }
  return null;
}

import { endianness } from "node:os";
import type { SocketFacts } from "@afterpatch/core/facts";
import { findSockets, type NetSocket } from "@afterpatch/core/proc/net";
import type { Details } from "./details.ts";
import { codeOf, readProc } from "./read.ts";

/** Internet sockets of processes, looked up once per network namespace, through a process that is in it. */
export function socketsOf(processes: readonly Details[]): ReadonlyMap<number, readonly SocketFacts[]> {
  const byNamespace = Map.groupBy(processes, ({ netNamespace }) => netNamespace);
  const sockets = new Map<number, readonly SocketFacts[]>();
  for (const [namespace, members] of byNamespace) {
    if (namespace === null) continue;
    const found = lookUp(members);
    for (const { pid, socketInodes } of members) {
      sockets.set(
        pid,
        socketInodes.flatMap(({ fd, inode }) => {
          const socket = found.get(inode);
          return socket ? [{ fd, ...socket }] : [];
        }),
      );
    }
  }
  return sockets;
}

const TABLES = [
  ["tcp", "tcp"],
  ["tcp6", "tcp"],
  ["udp", "udp"],
  ["udp6", "udp"],
] as const;

function lookUp(members: readonly Details[]): ReadonlyMap<string, NetSocket> {
  const wanted = new Set(members.flatMap(({ socketInodes }) => socketInodes.map(({ inode }) => inode)));
  const found = new Map<string, NetSocket>();
  if (wanted.size === 0) return found;
  for (const [table, protocol] of TABLES) {
    const text = readThroughOne(members, table);
    if (text !== null) findSockets(text, protocol, wanted, endianness() === "LE", found);
  }
  return found;
}

function readThroughOne(members: readonly Details[], table: string): string | null {
  for (const { pid } of members) {
    try {
      return readProc(`/proc/${pid}/net/${table}`);
    } catch (error) {
      codeOf(error); // it ended, or this kernel has no such table
    }
  }
  return null;
}

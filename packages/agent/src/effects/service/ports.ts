import { readdirSync, readFileSync } from "node:fs";
import { endianness } from "node:os";
import { findSockets, type NetSocket, socketInode } from "@afterpatch/core/proc/net";
import { cgroupOwner, cgroupPath, cgroupRoot, relativeCgroup } from "@afterpatch/core/systemd/cgroup";
import { procLink, procText } from "../processes.ts";

/** Pids in the control group of a unit of the host or of a user, sub-groups included. */
export function pidsOfUnit(unit: string): readonly number[] {
  const root = cgroupRoot(cgroupPath(procText(1, "cgroup") ?? ""));
  return readdirSync("/proc")
    .filter((name) => /^[0-9]+$/.test(name))
    .map(Number)
    .filter((pid) => {
      const path = relativeCgroup(cgroupPath(procText(pid, "cgroup") ?? ""), root);
      const owner = path === null ? null : cgroupOwner(path);
      if (owner?.kind === "user-unit") return owner.unit !== null && `${owner.manager}/${owner.unit}` === unit;
      return owner?.kind === "unit" && owner.unit === unit;
    });
}

/**
 * Where these processes can be reached: `tcp 22`, sorted, once for each socket. Ports that the kernel chose are
 * `tcp dynamic`, for a restart changes them. UDP sockets with such ports are clients and left out.
 */
export function listeningPorts(pids: readonly number[]): readonly string[] {
  const dynamicFrom = firstDynamicPort();
  const ports: string[] = [];
  const seen = new Set<string>();
  for (const pid of pids) {
    for (const [inode, socket] of socketsOf(pid)) {
      if (seen.has(inode)) continue;
      seen.add(inode);
      const isDynamic = socket.localPort >= dynamicFrom;
      if (socket.protocol === "tcp" ? !socket.listening : isDynamic) continue;
      ports.push(`${socket.protocol} ${isDynamic ? "dynamic" : socket.localPort}`);
    }
  }
  return ports.sort();
}

/** What of `before` is no longer there, each name once. */
export function portsMissing(before: readonly string[], after: readonly string[]): readonly string[] {
  const left = [...after];
  const missing = before.filter((port) => {
    const at = left.indexOf(port);
    if (at >= 0) left.splice(at, 1);
    // One socket for IPv4 and IPv6 may have become two, or the other way round.
    return at < 0 && (port.endsWith(" dynamic") || !after.includes(port));
  });
  return [...new Set(missing)];
}

/** Where TCP connections to these processes are taken: address and port. */
export function listenersOf(pids: readonly number[]): readonly { readonly address: string; readonly port: number }[] {
  const listening = pids
    .flatMap((pid) => [...socketsOf(pid)])
    .filter(([, { protocol, listening }]) => protocol === "tcp" && listening);
  return [...new Map(listening).values()].map(({ localAddress, localPort }) => ({
    address: localAddress,
    port: localPort,
  }));
}

/** Internet sockets of a process, by inode. */
export function socketsOf(pid: number): ReadonlyMap<string, NetSocket> {
  const wanted = new Set<string>();
  for (const fd of descriptorsOf(pid)) {
    const inode = socketInode(procLink(pid, `fd/${fd}`) ?? "");
    if (inode !== null) wanted.add(inode);
  }
  const found = new Map<string, NetSocket>();
  if (wanted.size === 0) return found;
  for (const protocol of ["tcp", "udp"] as const) {
    for (const family of ["", "6"]) {
      findSockets(procText(pid, `net/${protocol}${family}`) ?? "", protocol, wanted, endianness() === "LE", found);
    }
  }
  return found;
}

function descriptorsOf(pid: number): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code !== undefined) return []; // ended, or not ours to read
    throw error;
  }
}

/** ip(7), ip_local_port_range */
function firstDynamicPort(): number {
  const first = Number(readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "utf8").split(/\s/)[0]);
  return Number.isInteger(first) && first > 0 ? first : 32_768;
}

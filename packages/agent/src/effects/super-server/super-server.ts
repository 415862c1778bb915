import type { NetSocket } from "@afterpatch/core/proc/net";
import type { XinetdService } from "@afterpatch/core/xinetd/config";
import { superServer } from "@afterpatch/core/xinetd/match";
import { isRunning, type ProcessRef, processTable, procLink } from "../processes.ts";
import { socketsOf } from "../service/ports.ts";
import { isForkOfSuperServer, isSuperServer, rootOf } from "../session/end-session.ts";

/** The services of every super-server's configuration, read anew. */
export type ReadServices = () => readonly XinetdService[];

/** A super-server that is about to be restarted. */
export interface SuperServer {
  readonly manager: XinetdService["manager"];
  /** It, without what it forked for connections. */
  readonly pids: readonly number[];
  /** Where it took connections, and sockets for datagrams. */
  readonly open: readonly NetSocket[];
  /** Who is there beside it: what it started, and what outlived one before it. */
  readonly others: readonly ProcessRef[];
}

/**
 * The super-server among `pids`, or null. `members`: processes that belong to it though it is not their parent, as those
 * of its unit.
 */
export function superServerAmong(pids: readonly number[], members: readonly number[]): SuperServer | null {
  const table = processTable();
  const mains = pids.filter((pid) => isSuperServer(pid) && !isForkOfSuperServer(pid, table));
  const manager = mains.map((pid) => superServer(programOf(pid))).find((kind) => kind !== null);
  if (manager === undefined || manager === null) return null;
  const below = new Set<number>(members.filter((pid) => !mains.includes(pid)));
  for (let size = -1; size !== below.size; ) {
    size = below.size;
    for (const [pid, { ppid }] of table) if (mains.includes(ppid) || below.has(ppid)) below.add(pid);
  }
  const others = [...below].flatMap((pid) => {
    const stat = table.get(pid);
    return stat && stat.state !== "Z" ? [{ pid, startTicks: stat.startTicks }] : [];
  });
  return { manager, pids: mains, open: mains.flatMap(openSockets), others };
}

/** Orphans that an earlier super-server may have left where no control group tells: their input is a socket. */
export function orphans(): readonly number[] {
  return [...processTable()].flatMap(([pid, { ppid, sid, state }]) =>
    ppid === 1 && sid === pid && state !== "Z" && procLink(pid, "fd/0")?.startsWith("socket:") ? [pid] : [],
  );
}

export interface Waiting {
  /** What the super-server started, and those in it that hold the port. */
  readonly sessions: readonly ProcessRef[];
  /** Whoever else is in them is found when they are ended, which is at once. */
  readonly members: readonly [];
  readonly old: readonly ProcessRef[];
  /** `tcp 143`, each once. */
  readonly ports: readonly string[];
}

/**
 * Servers of `wait = yes`: they hold a socket of the super-server's, or after an earlier restart the port of one of its
 * services, on which they listen by their standard input. While one lives a new super-server cannot bind that port, gives
 * the service up, and nobody listens when the server ends.
 */
export function waitingServers({ pids, others }: SuperServer, services: readonly XinetdService[]): Waiting {
  const table = processTable();
  const own = new Set(
    pids.flatMap((pid) => [...socketsOf(pid)].filter(([, one]) => isOpen(one)).map(([inode]) => inode)),
  );
  const ports = new Set<string>();
  const old = others.filter((process) => {
    if (isSuperServer(process.pid) || !isRunning(process)) return false;
    const input = /^socket:\[(\d+)\]$/.exec(procLink(process.pid, "fd/0") ?? "")?.[1];
    const held = [...socketsOf(process.pid)].filter(
      ([inode, socket]) =>
        isOpen(socket) && (own.has(inode) || (inode === input && services.some((service) => waitsAt(service, socket)))),
    );
    for (const [, { protocol, localPort }] of held) ports.add(`${protocol} ${localPort}`);
    return held.length > 0;
  });
  const roots = new Map(old.map((process) => rootOf(process, table)).map((root) => [root.pid, root]));
  return { sessions: [...roots.values()], members: [], old, ports: [...ports] };
}

export function openSockets(pid: number): readonly NetSocket[] {
  return [...socketsOf(pid).values()].filter(isOpen);
}

/** It listens, or may get datagrams. */
function isOpen({ protocol, listening }: NetSocket): boolean {
  return listening || protocol === "udp";
}

function waitsAt({ enabled, wait, protocol, port }: XinetdService, socket: NetSocket): boolean {
  return enabled && wait && protocol === socket.protocol && port === socket.localPort;
}

function programOf(pid: number): string {
  return (procLink(pid, "exe") ?? "").replace(/ \(deleted\)$/, "");
}

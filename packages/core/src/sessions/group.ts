import { type HostIndex, lineage } from "../detect/host.ts";
import { ownerOf } from "../detect/owner.ts";
import type { ProcessFacts } from "../facts.ts";
import type { Owner } from "../scan.ts";
import { acceptingSocket } from "../systemd/show.ts";
import { superServer } from "../xinetd/match.ts";

/** Processes that serve one connection, or one server that its super-server waits for. */
export interface SessionGroup {
  readonly owner: Owner;
  /** What `end-session` and `sessions SERVICE` call it: the super-server's service, or the socket unit. */
  readonly service: string;
  /** The process that the super-server started, else the oldest that is left. */
  readonly head: ProcessFacts;
  /** Sorted by pid, the head among them. */
  readonly members: readonly ProcessFacts[];
}

/** Open sessions of super-servers among the processes of a host, by service, then age. */
export function sessionGroups(host: HostIndex): readonly SessionGroup[] {
  const owned = host.facts.running.flatMap((process) => {
    const owner = ownerOf(process, host);
    return owner.kind === "xinetd-session" || owner.kind === "socket-session" ? [{ process, owner }] : [];
  });
  const owners = new Map(owned.map(({ process, owner }) => [process.pid, owner]));
  const groups = Map.groupBy(owned, ({ process, owner }) => keyOf(process, owner, owners, host));
  return [...groups.values()].flatMap((group) => toSession(group, host)).sort(byServiceThenAge);
}

type Owned = { readonly process: ProcessFacts; readonly owner: Owner };

function keyOf(process: ProcessFacts, owner: Owner, owners: ReadonlyMap<number, Owner>, host: HostIndex): string {
  const name = JSON.stringify([owner.kind, owner.manager, owner.name]);
  // One unit for each connection.
  if (owner.kind === "socket-session") return name;
  let head = process;
  for (const relative of lineage(process, host)) {
    if (!isSameOwner(owners.get(relative.pid), owner)) break;
    head = relative;
  }
  // Forks of the super-server share its session id; everything else has that of the process it started, orphans too.
  return `${name} ${superServer(head.executable) ? `pid ${head.pid}` : `sid ${head.sid}`}`;
}

function isSameOwner(a: Owner | undefined, b: Owner): boolean {
  return a?.kind === b.kind && a.manager === b.manager && a.name === b.name;
}

function toSession(group: readonly Owned[], host: HostIndex): readonly SessionGroup[] {
  const members = group.map((owned) => served(owned, host)).sort((a, b) => a.pid - b.pid);
  const pids = new Set(members.map(({ pid }) => pid));
  const oldest = [...members].sort((a, b) => a.startTicks - b.startTicks || a.pid - b.pid);
  const head = oldest.find(({ pid, sid }) => pid === sid) ?? oldest.find(({ ppid }) => !pids.has(ppid)) ?? oldest[0];
  const owner = group[0]?.owner;
  return head && owner ? [{ owner, service: serviceOf(owner, host), head, members }] : [];
}

/** Of a fork of the super-server only the sockets that are its service's: it has inherited some, and a redirect opens one. */
function served({ process, owner }: Owned, { facts }: HostIndex): ProcessFacts {
  if (superServer(process.executable) === null) return process;
  const service = facts.xinetd.find(({ manager, id }) => manager === owner.manager && id === owner.name);
  const sockets = process.sockets.filter(({ localPort }) => localPort === service?.port);
  return sockets.length === 0 ? process : { ...process, sockets };
}

/** `imap`; of an `Accept=yes` instance its socket, as far as systemd says so. */
function serviceOf({ kind, name }: Owner, { units }: HostIndex): string {
  return kind === "socket-session" ? (acceptingSocket(name, units) ?? name) : name;
}

function byServiceThenAge(a: SessionGroup, b: SessionGroup): number {
  const service = a.service < b.service ? -1 : a.service > b.service ? 1 : 0;
  return service || a.head.startTicks - b.head.startTicks || a.head.pid - b.head.pid;
}

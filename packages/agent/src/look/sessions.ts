import { CommandError } from "@afterpatch/core/command-error";
import { indexOf } from "@afterpatch/core/detect/host";
import { EXIT } from "@afterpatch/core/exit";
import type { HostFacts } from "@afterpatch/core/facts";
import { scanOf } from "@afterpatch/core/findings";
import { nearest } from "@afterpatch/core/fleet/nearest";
import type { Owner, ProcessIdentity, Scan, Verdict } from "@afterpatch/core/scan";
import { type SessionGroup, sessionGroups } from "@afterpatch/core/sessions/group";
import type { Connection } from "@afterpatch/core/sessions/peers";
import { echoed, visible } from "@afterpatch/core/text";
import { copyOf } from "@afterpatch/core/users/copy";
import { strongest } from "@afterpatch/core/detect/verdict";
import { type ScanOptions, sha256 } from "../host/scan.ts";
import { connectionsOf } from "./connections.ts";
import { lookAtHost } from "./host.ts";
import { type DocumentHost, documentHost, identityOf } from "./process.ts";

/** One open session: one connection, or one server that its super-server waits for. */
export interface OpenSession {
  readonly service: string;
  readonly owner: Owner;
  readonly user: string;
  /** Epoch milliseconds at which its first process was started. */
  readonly since: number;
  readonly code: "old" | "new" | "unknown";
  /** The strongest among its processes; null when none of them is a finding. */
  readonly verdict: Verdict | null;
  readonly protocol: "tcp" | "udp" | null;
  readonly local: Endpoint | null;
  /** Null for a server that waits for connections and has none. */
  readonly peer: Endpoint | null;
  /** Of a server that serves many connections: the peers after the first one. */
  readonly morePeers: readonly Endpoint[];
  readonly processes: readonly ProcessIdentity[];
}

export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

/** The document `afterpatch.sessions/v1`. */
export interface SessionsDocument {
  readonly schema: "afterpatch.sessions/v1";
  readonly host: DocumentHost;
  readonly startedAt: number;
  readonly elapsedMs: number;
  /** The service that was asked for, null for all. */
  readonly asked: string | null;
  /** Services that super-servers of this host are configured for or have sessions of. */
  readonly services: readonly string[];
  readonly sessions: readonly OpenSession[];
  /** May be sessions too: it is not known. */
  readonly unreadable: Scan["unreadable"];
}

/** Open sessions of super-servers. A service that no super-server knows is an error with exit code 6. */
export function sessionsOf(asked: string | null, options: ScanOptions): SessionsDocument {
  const { facts } = lookAtHost(options);
  const groups = sessionGroups(indexOf(facts));
  const services = servicesOf(facts, groups);
  if (asked !== null && !services.some((name) => isNamed(name, asked))) throw unknownService(asked, services);
  const findings = scanOf(facts, sha256).findings;
  const verdicts = new Map(findings.flatMap(({ process, verdict }) => (process ? [[process.pid, verdict]] : [])));
  const wanted = groups.filter(
    ({ service, owner }) => asked === null || isNamed(service, asked) || isNamed(owner.name, asked),
  );
  return {
    schema: "afterpatch.sessions/v1",
    host: documentHost(facts),
    startedAt: facts.startedAt,
    elapsedMs: Math.max(0, options.now() - facts.startedAt),
    asked: asked === null ? null : visible(asked),
    services: services.map(visible),
    sessions: wanted.map((group) => openSession(group, verdicts)),
    unreadable: facts.unreadable.map(({ pid, why }) => ({ pid, why: visible(why) })),
  };
}

function openSession(
  { owner, service, head, members }: SessionGroup,
  verdicts: ReadonlyMap<number, Verdict>,
): OpenSession {
  const found = members.flatMap(({ pid }) => verdicts.get(pid) ?? []);
  const verdict = found.length === 0 ? null : strongest(found);
  const connections = connectionsOf([head, ...members.filter((member) => member !== head)]);
  const [first, ...more] = connections.filter(isServed(members));
  return {
    service: visible(service),
    owner: { ...owner, name: visible(owner.name) },
    user: visible(head.user),
    since: head.startedAt,
    code: copyOf(verdict),
    verdict,
    protocol: first?.protocol ?? head.sockets[0]?.protocol ?? null,
    local: first ? { address: first.localAddress, port: first.localPort } : listening(head),
    peer: first ? peerOf(first) : null,
    morePeers: more.map(peerOf),
    processes: members.map(identityOf),
  };
}

/** Of what a session has open, its clients: connections to the port that its standard input is on, where that is known. */
function isServed(members: SessionGroup["members"]): (connection: Connection) => boolean {
  const ports = new Set(members.flatMap(({ sockets }) => sockets.map(({ localPort }) => localPort)));
  return ({ localPort }) => ports.size === 0 || ports.has(localPort);
}

function listening({ sockets: [socket] }: SessionGroup["head"]): Endpoint | null {
  return socket ? { address: socket.localAddress, port: socket.localPort } : null;
}

function peerOf({ remoteAddress, remotePort }: Connection): Endpoint {
  return { address: remoteAddress, port: remotePort };
}

function servicesOf({ xinetd, units }: HostFacts, groups: readonly SessionGroup[]): readonly string[] {
  const sockets = (units ?? []).filter(({ accept }) => accept).map(({ id }) => id);
  return [...new Set([...xinetd.map(({ id }) => id), ...sockets, ...groups.map(({ service }) => service)])].sort();
}

/** `ssh` means `ssh.socket` too. */
function isNamed(service: string, asked: string): boolean {
  return service === asked || service === `${asked}.socket`;
}

function unknownService(asked: string, services: readonly string[]): CommandError {
  const near = nearest(asked, services);
  const known = services.length === 0 ? "no super-server was found" : `known: ${services.slice(0, 10).join(", ")}`;
  const todo = near.length > 0 ? `nearest: ${near.join(", ")}` : "'afterpatch-agent sessions' lists all that are open";
  const why = `no super-server of this host has a service ${echoed(asked)} (${known})`;
  return new CommandError(EXIT.selection, "sessions", why, todo);
}

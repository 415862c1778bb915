import type { ProcessFacts } from "../facts.ts";
import type { Owner, Remedy } from "../scan.ts";
import { acceptingSocket } from "../systemd/show.ts";
import { superServer } from "../xinetd/match.ts";
import type { HostIndex } from "./host.ts";
import { ownerOf } from "./owner.ts";
import { isLoginServer } from "./session.ts";
import { fileVerdict } from "./verdict.ts";

/**
 * How an old session of a super-server or of an `Accept=yes` socket is ended. `restartOf`: the remedy of a process that
 * is a service.
 */
export function sessionRemedy(
  owner: Owner,
  process: ProcessFacts,
  host: HostIndex,
  restartOf: (owner: Owner, process: ProcessFacts) => Remedy,
): Remedy {
  const base = { kind: "end-session", target: targetOf(owner, host) } as const;
  if (isLogin(base.target, host)) {
    const reason = `Only on request: somebody may be logged in over ${base.target}; ask them to log out and in again.`;
    return { ...base, automatic: false, onRequest: true, reason };
  }
  if (owner.kind === "socket-session") {
    const reason = `New connections to ${base.target} already start the new program; this one is stopped and never restarted, which would start the new program in the middle of it.`;
    return { ...base, automatic: true, reason };
  }
  if (superServer(process.executable) !== null) return ofFork(base, process, host, restartOf);
  const waits = host.facts.xinetd.some(
    ({ manager, id, wait }) => manager === owner.manager && id === owner.name && wait,
  );
  const reason = waits
    ? `It answers every connection to ${owner.name} itself (wait = yes); once it has ended, ${owner.manager} starts the new program for the next one.`
    : "New connections already start the new program; only sessions opened before the upgrade are old.";
  return { ...base, automatic: true, reason };
}

/** What `end-session` calls it: the super-server's service, or the socket. */
function targetOf({ kind, name }: Owner, { units }: HostIndex): string {
  return kind === "socket-session" ? (acceptingSocket(name, units) ?? name) : name;
}

type Base = Pick<Remedy, "kind" | "target">;

/** `redirect` and internal services: a fork runs the super-server's code, and so does the next one until that is new. */
function ofFork(
  base: Base,
  { ppid }: ProcessFacts,
  host: HostIndex,
  restartOf: (owner: Owner, process: ProcessFacts) => Remedy,
): Remedy {
  const parent = host.byPid.get(ppid);
  const manager = parent === undefined ? null : superServer(parent.executable);
  if (!parent || manager === null || !isOld(parent, host)) {
    const reason = "It is a fork of a super-server that was replaced since; new connections are served by new forks.";
    return { ...base, automatic: true, reason };
  }
  const restart = restartOf(ownerOf(parent, host), parent);
  const after = restart.kind === "restart-service" ? { after: restart.target } : {};
  if (restart.automatic) {
    const reason = `It is a fork of ${manager}, which runs old code itself: whoever connected again would get another one, so it is ended after ${restart.target} has been restarted.`;
    return { ...base, automatic: true, reason, ...after };
  }
  const reason = `Only on request: it is a fork of ${manager}, which runs old code itself and is not restarted automatically: whoever connected again would get another one.`;
  return { ...base, automatic: false, onRequest: true, reason, ...after };
}

function isOld({ files }: ProcessFacts, { facts }: HostIndex): boolean {
  return files.some((index) => {
    const file = facts.files[index];
    const verdict = file ? fileVerdict(file) : "identical";
    return verdict !== "identical" && verdict !== "unknown";
  });
}

/** Services over which people log in without login(1), by what ends their sessions. Once for each host that is looked at. */
const LOGINS = new WeakMap<HostIndex, ReadonlySet<string>>();

/** For all sessions of a service alike: a plan has one step for them, and it is asked for or not. */
function isLogin(target: string, host: HostIndex): boolean {
  const known = LOGINS.get(host) ?? new Set(host.facts.running.flatMap((process) => loginTarget(process, host)));
  LOGINS.set(host, known);
  return known.has(target);
}

/** Of what a super-server or systemd itself started: what somebody runs within their session says nothing of the service. */
function loginTarget(process: ProcessFacts, host: HostIndex): readonly string[] {
  const parent = host.byPid.get(process.ppid);
  const isRoot = process.ppid === 1 || (parent !== undefined && superServer(parent.executable) !== null);
  if (!isLoginServer(process.executable) || !isRoot) return [];
  const owner = ownerOf(process, host);
  return owner.kind === "xinetd-session" || owner.kind === "socket-session" ? [targetOf(owner, host)] : [];
}

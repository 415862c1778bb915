import type { Scan } from "@afterpatch/core/scan";
import type { Performed } from "../../ports.ts";
import type { SessionEvidence } from "../evidence.ts";
import { acceptedSessions } from "./accepted.ts";
import { isStillMember, KillSet, type Table } from "./kill-set.ts";
import { isRunning, type Pinned, type ProcessRef, processTable, procLink } from "../processes.ts";
import { waitUntil } from "../wait.ts";

const AFTER_KILL_MS = 5000;
const POLL_MS = 50;
const SUPER_SERVER = /\/(?:xinetd|inetd|inetutils-inetd|rlinetd)(?: \(deleted\))?$/;

/** The sessions of `service` that `scan` found old, by the process that the super-server started. */
export async function oldSessions(service: string, scan: Scan): Promise<SessionEvidence> {
  const table = processTable();
  const found = scan.findings.filter(
    ({ remedy: { kind, target, automatic, onRequest } }) =>
      // A step of what is done on request alone is there because somebody asked for it.
      kind === "end-session" && target === service && (automatic || onRequest === true),
  );
  const old = found.flatMap(({ process, verdict }) => {
    if (process === null || verdict === "unknown" || verdict === "identical") return [];
    const { pid, startTicks } = process;
    return table.get(pid)?.startTicks === startTicks ? [{ pid, startTicks }] : [];
  });
  if (found.some(({ owner }) => owner.kind === "socket-session")) return acceptedSessions(old);
  const roots = new Map(old.map((process) => rootOf(process, table)).map((root) => [root.pid, root]));
  const sessions = [...roots.values()];
  return { sessions, members: membersOf(sessions), old, instances: [] };
}

/** Evidence goes to the journal: a session that forks without end is found again by who of it is there then. */
const MOST_MEMBERS = 1000;

function membersOf(sessions: readonly ProcessRef[]) {
  const processes = new KillSet(sessions, [], mayEnd);
  try {
    return processes.members().slice(0, MOST_MEMBERS);
  } finally {
    processes.close();
  }
}

/** TERM to what the super-server started, then to what outlived it; after `graceMs` KILL to whatever is left. */
export async function endSessions(
  service: string,
  { sessions, members, old }: Omit<SessionEvidence, "instances">,
  graceMs: number,
): Promise<Performed> {
  const processes = new KillSet(sessions, members, mayEnd);
  try {
    for (const root of processes.roots) root.signal("SIGTERM");
    const told = new Set(processes.roots);
    const isOver = await waitUntil(() => isEmptied(processes, told), graceMs, POLL_MS);
    const killed = isOver ? 0 : await killRest(processes);
    const left = [...processes.alive(), ...[...sessions, ...old].filter(isRunning)];
    if (left.length > 0) {
      const pids = [...new Set(left.map(({ pid }) => pid))].join(", ");
      return { outcome: "failed", detail: `pid ${pids} of ${service} could not be ended` };
    }
    const count = sessions.length === 1 ? "1 old session" : `${sessions.length} old sessions`;
    const how =
      killed === 0 ? "" : `, ${killed === 1 ? "1 process" : `${killed} processes`} by KILL after ${graceMs} ms`;
    return { outcome: "done", detail: `ended ${count} of ${service}${how}` };
  } finally {
    processes.close();
  }
}

export function sessionsEnded({ sessions, members, old }: SessionEvidence): boolean {
  if ([...sessions, ...old].some(isRunning)) return false;
  const table = processTable();
  return !members.some((member) => isStillMember(member, table));
}

/** A session that was sent TERM before a crash gets its time to end: told again at once, it would be told twice. */
export function sessionsEndedWithin(before: SessionEvidence, graceMs: number): Promise<boolean> {
  return waitUntil(() => sessionsEnded(before), graceMs, POLL_MS);
}

/** True when nobody is left. What outlives the first process of its session is told once, too. */
function isEmptied(processes: KillSet, told: Set<Pinned>): boolean {
  if (processes.roots.some((root) => root.isAlive())) return false;
  let alive = processes.alive();
  if (alive.length === 0) {
    if (!processes.grow()) return true;
    alive = processes.alive();
  }
  for (const process of alive) {
    if (told.has(process)) continue;
    told.add(process);
    process.signal("SIGTERM");
  }
  return false;
}

async function killRest(processes: KillSet): Promise<number> {
  let killed = 0;
  // Twice: a process may fork between being found and being killed.
  for (let round = 0; round < 2; round++) {
    processes.grow();
    for (const process of processes.alive()) if (process.signal("SIGKILL")) killed += 1;
    await waitUntil(() => processes.alive().length === 0, AFTER_KILL_MS, POLL_MS);
  }
  return killed;
}

/**
 * The process that the super-server started for the session of `process`: its ancestor right below the super-server or,
 * when that has been restarted, below PID 1 with the connection as its input. Else the process itself.
 */
export function rootOf(process: ProcessRef, table: Table): ProcessRef {
  // Redirect and internal services: a fork of the super-server itself, with its session id.
  if (isSuperServer(process.pid)) return process;
  let top = process;
  for (let ppid = table.get(process.pid)?.ppid ?? 0; ppid > 1; ppid = table.get(ppid)?.ppid ?? 0) {
    if (isSuperServer(ppid)) return top;
    const parent = table.get(ppid);
    if (!parent) return process;
    top = { pid: ppid, startTicks: parent.startTicks };
  }
  return procLink(top.pid, "fd/0")?.startsWith("socket:") ? top : process;
}

/** Never PID 1, never this program or what started it, never a super-server that serves others. */
function mayEnd(pid: number, table: Table): boolean {
  if (pid <= 1) return false;
  for (let own = process.pid; own > 0; own = table.get(own)?.ppid ?? 0) if (own === pid) return false;
  return !isSuperServer(pid) || isForkOfSuperServer(pid, table);
}

export function isForkOfSuperServer(pid: number, table: Table): boolean {
  const stat = table.get(pid);
  return stat !== undefined && stat.sid !== pid && (stat.ppid === 1 || isSuperServer(stat.ppid));
}

export function isSuperServer(pid: number): boolean {
  return SUPER_SERVER.test(procLink(pid, "exe") ?? "");
}

import { statSync } from "node:fs";
import type { SessionUsers } from "@afterpatch/core/policy/narrow";
import type { Scan } from "@afterpatch/core/scan";
import { readFileSync } from "node:fs";
import { textOfBytes } from "@afterpatch/core/text";
import { processTable } from "../effects/processes.ts";
import { isSuperServer } from "../effects/session/end-session.ts";
import { superServerAmong, waitingServers } from "../effects/super-server/super-server.ts";

/**
 * Whose processes would be ended with the session of each finding: those of its process, of what the super-server
 * started for it, and of all that came of that; the same of sessions that end with a super-server's restart. A login through telnet is a process of root until the shell.
 */
export function sessionUsers(scan: Scan): SessionUsers {
  const ended = scan.findings.flatMap(({ id, remedy, process }) => {
    if (process === null) return [];
    if (remedy.kind === "end-session") return [{ id, pids: [process.pid] }];
    const pids = remedy.kind === "restart-service" ? endedAlong(process.pid, remedy.onRequest === true) : [];
    return pids.length > 0 ? [{ id, pids }] : [];
  });
  if (ended.length === 0) return new Map();
  const table = processTable();
  const names = userNames();
  return new Map(
    ended.map(({ id, pids }) => {
      const all = pids.flatMap((pid) => members(pid, table));
      return [id, [...new Set(all.map((one) => userOf(one, names)))]] as const;
    }),
  );
}

/** Of whom the restart of a super-server ends: the servers that hold its ports; all it started where a person must ask for it. */
function endedAlong(pid: number, all: boolean): readonly number[] {
  const server = isSuperServer(pid) ? superServerAmong([pid], []) : null;
  if (server === null) return [];
  return (all ? server.others : waitingServers(server, []).sessions).map((process) => process.pid);
}

type Table = ReturnType<typeof processTable>;

/** Everything below the topmost process that is not the super-server or PID 1, and in the sessions that are led there. */
function members(pid: number, table: Table): readonly number[] {
  let top = pid;
  for (let ppid = table.get(pid)?.ppid ?? 0; ppid > 1 && !isSuperServer(ppid); ppid = table.get(ppid)?.ppid ?? 0)
    top = ppid;
  const found = new Set([top]);
  for (let size = 0; size !== found.size; ) {
    size = found.size;
    for (const [one, { ppid, sid }] of table) if (found.has(ppid) || found.has(sid)) found.add(one);
  }
  return [...found];
}

/** Name, or number where there is none. A process that has ended has no owner any more. */
function userOf(pid: number, names: ReadonlyMap<string, string>): string {
  const uid = statSync(`/proc/${pid}`, { throwIfNoEntry: false })?.uid;
  return uid === undefined ? "" : (names.get(String(uid)) ?? String(uid));
}

function userNames(): ReadonlyMap<string, string> {
  const lines = readFileSync("/etc/passwd", "latin1").split("\n");
  // The first entry of a number counts.
  return new Map(
    lines.toReversed().flatMap((line) => {
      const [name, , uid] = line.split(":");
      return name && uid ? [[uid, textOfBytes(name)] as const] : [];
    }),
  );
}

import { createHash } from "node:crypto";
import type { ProcessStat } from "@afterpatch/core/proc/stat";
import type { ProgramRun, ScriptEvidence } from "../evidence.ts";
import { processTable, procLink, procText, realUid } from "../processes.ts";
import { interpreted } from "./interpreted.ts";

// A service of a script has no manager that would know its processes: after a restart they are told by what they run.

/** What these processes run, and those above them that run the same program: a worker's like may come with its first client only. */
export function programsRunBy(pids: readonly number[]): readonly ProgramRun[] {
  const table = processTable();
  const all = new Set(pids.flatMap((pid) => [pid, ...ofSameProgramAbove(pid, table)]));
  const runs = [...all].flatMap((pid) => {
    const link = procLink(pid, "exe");
    return link === null ? [] : (runOf(pid, withoutMark(link)) ?? []);
  });
  return [...new Map(runs.map((run) => [key(run), run])).values()];
}

/**
 * Processes that run now what `ran` tells of, by programs as they are on the disk, and that were started since, as were all
 * above them, up to one of `keepers`: what an old process forks, or a person starts, is none of the service's new ones.
 */
export function runningAnew(
  { ran, sinceTicks }: Pick<ScriptEvidence, "ran" | "sinceTicks">,
  keepers: readonly number[],
): readonly number[] {
  const table = processTable();
  const wanted = new Set(ran.map(key));
  const programs = new Set(ran.map(({ program }) => program));
  return [...table].flatMap(([pid, { state }]) => {
    if (state === "Z" || !isStartedSince(pid, table, sinceTicks, keepers)) return [];
    const program = procLink(pid, "exe");
    const run = program !== null && programs.has(program) ? runOf(pid, program) : null;
    return run && wanted.has(key(run)) ? [pid] : [];
  });
}

function isStartedSince(
  pid: number,
  table: ReadonlyMap<number, ProcessStat>,
  sinceTicks: number,
  keepers: readonly number[],
): boolean {
  if (keepers.includes(pid)) return false;
  for (let at = pid; !keepers.includes(at); ) {
    const stat = table.get(at);
    if (!stat || stat.startTicks < sinceTicks) return false;
    at = stat.ppid;
  }
  return true;
}

function ofSameProgramAbove(pid: number, table: ReadonlyMap<number, ProcessStat>): readonly number[] {
  const own = procLink(pid, "exe");
  const found: number[] = [];
  for (let above = table.get(pid)?.ppid ?? 0; above > 1; above = table.get(above)?.ppid ?? 0) {
    if (own === null || withoutMark(procLink(above, "exe") ?? "") !== withoutMark(own)) break;
    found.push(above);
  }
  return found;
}

function runOf(pid: number, program: string): ProgramRun | null {
  const uid = realUid(pid);
  if (uid === null) return null;
  const script = interpreted(program, (procText(pid, "cmdline") ?? "").split("\0").slice(0, -1));
  // Words of a command line may be secret, and this goes to the journal.
  return { program, uid, script: script === null ? null : createHash("sha256").update(script, "latin1").digest("hex") };
}

function key({ program, uid, script }: ProgramRun): string {
  return `${uid} ${script} ${program}`;
}

function withoutMark(path: string): string {
  return path.replace(/ \(deleted\)$/, "");
}

import { readFileSync } from "node:fs";
import { executableMappings } from "@afterpatch/core/proc/maps";
import type { Scan } from "@afterpatch/core/scan";
import { StepError } from "../error.ts";
import type { ApplicationEvidence, UserInstances } from "../evidence.ts";
import { isRunning, procLink, procText, type ProcessRef, processTable, realUid } from "../processes.ts";
import { isExecutable } from "../programs.ts";

// Instances of an application, by the rule of the agent's file that is the step's target. Only the scan says which of
// them run old code; what is told apart here are their forks, and who was started since.

/** The instances of the rule `target` that `scan` found old, by who runs them. */
export function oldInstances(target: string, scan: Scan, takenAt: number): ApplicationEvidence {
  const sinceTicks = ticksNow();
  const found = scan.findings.flatMap(({ process, remedy: { kind, target: rule, automatic }, verdict }) => {
    const isOld = verdict !== "unknown" && verdict !== "identical";
    if (process === null || kind !== "relaunch-application" || rule !== target || !automatic || !isOld) return [];
    const { pid, startTicks, user } = process;
    const uid = isRunning(process) ? realUid(pid) : null;
    return uid === null ? [] : [{ pid, startTicks, user, uid }];
  });
  const table = processTable();
  const pids = new Set(found.map(({ pid }) => pid));
  const byUid = Map.groupBy(found, ({ uid }) => uid);
  const users = [...byUid].map(([uid, members]): UserInstances => {
    const first = members.filter(({ pid }) => !pids.has(table.get(pid)?.ppid ?? 0));
    return {
      uid,
      // Its effective user, as the scan calls it; another one than `uid` where it is set-user-ID.
      user: members[0]?.user ?? String(uid),
      old: members.map(({ pid, startTicks }) => ({ pid, startTicks })),
      programs: [...new Set(first.flatMap(({ pid }) => programOf(pid) ?? []))],
    };
  });
  return { users, sinceTicks, takenAt };
}

/** Path of the program that a process executed, whether or not it is still there. */
function programOf(pid: number): string | null {
  return procLink(pid, "exe")?.replace(/ \(deleted\)$/, "") ?? null;
}

/** Now, in the unit of proc_pid_stat(5)'s field 22: sysconf(_SC_CLK_TCK) is 100 on every Linux, proc_uptime(5). */
export function ticksNow(): number {
  return Math.floor(Number(readFileSync("/proc/uptime", "latin1").split(" ")[0]) * 100);
}

/**
 * Finds processes that an old instance forked after the scan and that run its code: a fork has every mapping where its
 * parent has it, which address space layout randomization gives to no program that was executed anew.
 */
export class Forks {
  readonly #originals: readonly { readonly program: string; readonly mappings: ReadonlySet<string> }[];

  /** Of instances that still run. */
  constructor(old: readonly ProcessRef[]) {
    this.#originals = old.filter(isRunning).flatMap(({ pid }) => {
      const program = procLink(pid, "exe");
      return program === null ? [] : [{ program, mappings: mappingsOf(pid) }];
    });
  }

  /** Those that run now and are not among `known`. */
  now(known: ReadonlySet<number>): readonly ProcessRef[] {
    return [...processTable()].flatMap(([pid, { startTicks, state }]) => {
      if (known.has(pid) || state === "Z") return [];
      const program = procLink(pid, "exe");
      const candidates = this.#originals.filter((original) => original.program === program);
      if (candidates.length === 0) return [];
      const mappings = mappingsOf(pid);
      return candidates.some((original) => isForkOf(mappings, original.mappings)) ? [{ pid, startTicks }] : [];
    });
  }
}

/** Either may have loaded more since. */
function isForkOf(one: ReadonlySet<string>, other: ReadonlySet<string>): boolean {
  return one.size > 0 && other.size > 0 && (isWithin(one, other) || isWithin(other, one));
}

function isWithin(part: ReadonlySet<string>, whole: ReadonlySet<string>): boolean {
  return [...part].every((mapping) => whole.has(mapping));
}

function mappingsOf(pid: number): ReadonlySet<string> {
  const maps = procText(pid, "maps") ?? "";
  return new Set(executableMappings(maps).map(({ range, device, inode }) => `${range} ${device} ${inode}`));
}

/** Never what runs this very program: halting it would halt who launches it again. */
export function ownAncestor(old: readonly ProcessRef[]): number | null {
  const table = processTable();
  const pids = new Set(old.map(({ pid }) => pid));
  for (let own = process.pid; own > 1; own = table.get(own)?.ppid ?? 0) if (pids.has(own)) return own;
  return null;
}

/** Whoever has to be there after a launch. */
export interface Expected {
  /** Null: whoever; users of a container are not this host's. */
  readonly uid: number | null;
  readonly programs: readonly string[];
}

/**
 * The processes that `expected` asks for, started since and of programs as they are on the disk now; null as long as one
 * of the programs has none. Where a program is gone, one that `isOfRule` takes its place: a version of its own folder.
 */
export function freshInstances(
  { uid, programs }: Expected,
  sinceTicks: number,
  isOfRule: (program: string) => boolean,
): readonly ProcessRef[] | null {
  const running = [...processTable()].flatMap(([pid, { startTicks, state }]) => {
    if (startTicks < sinceTicks || state === "Z" || state === "X") return [];
    if (uid !== null && realUid(pid) !== uid) return [];
    const program = procLink(pid, "exe");
    return program === null ? [] : [{ pid, startTicks, program }];
  });
  const found = programs.map((wanted) => {
    const same = running.filter(({ program }) => program === wanted);
    if (same.length > 0 || isExecutable(wanted)) return same;
    return running.filter(({ program }) => isOfRule(program) && !program.endsWith(" (deleted)"));
  });
  return found.some((instances) => instances.length === 0) ? null : found.flat();
}

/** Somebody runs this command since: a script's interpreter and whoever becomes another user have words of their own before. */
export function isUnderWay(command: readonly string[], sinceTicks: number): boolean {
  return [...processTable()].some(([pid, { startTicks, state }]) => {
    if (startTicks < sinceTicks || state === "Z") return false;
    const words = (procText(pid, "cmdline") ?? "").split("\0").slice(0, -1);
    const tail = words.slice(-command.length);
    return tail.length === command.length && command.every((word, at) => bytes(word) === tail[at]);
  });
}

function bytes(text: string): string {
  return Buffer.from(text, "utf8").toString("latin1");
}

export function missingRule(target: string): StepError {
  return new StepError("not-found", `the agent's file has no rule ${target} for applications any more`);
}

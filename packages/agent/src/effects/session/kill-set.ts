import type { ProcessStat } from "@afterpatch/core/proc/stat";
import type { SessionMember } from "../evidence.ts";
import { Pinned, type ProcessRef, processTable } from "../processes.ts";
import { groupOf, hasLeft } from "./group.ts";

export type Table = ReadonlyMap<number, ProcessStat>;

/**
 * The processes of some sessions: each root, its descendants, and whoever is in a session that a root leads, but for what
 * has become a service of its own. All are held, so that none is taken for another; what they fork later is found by `grow`.
 */
export class KillSet {
  readonly #held = new Map<number, Pinned>();
  /** Session ids led by a root, with the root's start: the kernel gives no such id to others while a member lives. */
  readonly #led = new Map<number, number>();
  /** Where the sessions are, see `groupOf`. */
  readonly #groups = new Set<string>();
  readonly #mayEnd: (pid: number, table: Table) => boolean;
  readonly roots: readonly Pinned[];

  /** `members`: who belonged to them when the roots may still have lived. */
  constructor(
    roots: readonly ProcessRef[],
    members: readonly SessionMember[],
    mayEnd: (pid: number, table: Table) => boolean,
  ) {
    this.#mayEnd = mayEnd;
    const table = processTable();
    this.roots = roots.filter(({ pid }) => mayEnd(pid, table)).flatMap((root) => Pinned.open(root) ?? []);
    for (const root of this.roots) {
      this.#held.set(root.pid, root);
      this.#groups.add(groupOf(root.pid));
      if (table.get(root.pid)?.sid === root.pid) this.#led.set(root.pid, root.startTicks);
    }
    for (const member of members) {
      if (this.#held.has(member.pid) || !isStillMember(member, table) || !mayEnd(member.pid, table)) continue;
      const pinned = Pinned.open(member);
      if (!pinned) continue;
      this.#held.set(member.pid, pinned);
      this.#groups.add(member.group);
      const leader = roots.find(({ pid }) => pid === member.sid);
      if (leader) this.#led.set(leader.pid, leader.startTicks);
    }
    this.grow();
  }

  /** Adds descendants and members of sessions that appeared since. True when there were any. */
  grow(): boolean {
    const table = processTable();
    const before = this.#held.size;
    for (let size = -1; size !== this.#held.size; ) {
      size = this.#held.size;
      for (const [pid, stat] of table) {
        if (this.#held.has(pid) || !this.#belongs(stat, table) || !this.#mayEnd(pid, table)) continue;
        if (hasLeft(groupOf(pid), this.#groups)) continue;
        const pinned = Pinned.open({ pid, startTicks: stat.startTicks });
        if (pinned) this.#held.set(pid, pinned);
      }
    }
    return this.#held.size > before;
  }

  alive(): readonly Pinned[] {
    return [...this.#held.values()].filter((process) => process.isAlive());
  }

  /** Who belongs to the sessions beside their roots. */
  members(): readonly SessionMember[] {
    const table = processTable();
    return this.alive().flatMap((process) => {
      const { pid, startTicks } = process;
      const sid = table.get(pid)?.sid;
      return this.roots.includes(process) || sid === undefined ? [] : [{ pid, startTicks, sid, group: groupOf(pid) }];
    });
  }

  close(): void {
    for (const process of this.#held.values()) process.close();
  }

  #belongs({ ppid, sid, startTicks, state }: ProcessStat, table: Table): boolean {
    if (state === "Z") return false;
    const parent = this.#held.get(ppid);
    if (parent && table.get(ppid)?.startTicks === parent.startTicks) return true;
    const ledSince = this.#led.get(sid);
    if (ledSince === undefined || startTicks < ledSince) return false;
    return (table.get(sid)?.startTicks ?? ledSince) === ledSince;
  }
}

/** It runs, and has made itself independent of its session in neither way: by setsid(2), or as a service of its own. */
export function isStillMember({ pid, startTicks, sid, group }: SessionMember, table: Table): boolean {
  const now = table.get(pid);
  if (now?.startTicks !== startTicks || now.sid !== sid || now.state === "Z" || now.state === "X") return false;
  return !hasLeft(groupOf(pid), new Set([group]));
}

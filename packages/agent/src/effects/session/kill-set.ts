import type { ProcessStat } from "@afterpatch/core/proc/stat";
import { Pinned, type ProcessRef, processTable } from "../processes.ts";

export type Table = ReadonlyMap<number, ProcessStat>;

/**
 * The processes of some sessions: each root, its descendants, and whoever is in a session that a root leads. All are
 * held, so that none is taken for another; what they fork later is found by `grow`.
 */
export class KillSet {
  readonly #held = new Map<number, Pinned>();
  /** Session ids led by a root, with the root's start: the kernel gives no such id to others while a member lives. */
  readonly #led = new Map<number, number>();
  readonly #mayEnd: (pid: number, table: Table) => boolean;
  readonly roots: readonly Pinned[];

  constructor(roots: readonly ProcessRef[], mayEnd: (pid: number, table: Table) => boolean) {
    this.#mayEnd = mayEnd;
    const table = processTable();
    this.roots = roots.filter(({ pid }) => mayEnd(pid, table)).flatMap((root) => Pinned.open(root) ?? []);
    for (const root of this.roots) {
      this.#held.set(root.pid, root);
      if (table.get(root.pid)?.sid === root.pid) this.#led.set(root.pid, root.startTicks);
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
        const pinned = Pinned.open({ pid, startTicks: stat.startTicks });
        if (pinned) this.#held.set(pid, pinned);
      }
    }
    return this.#held.size > before;
  }

  alive(): readonly Pinned[] {
    return [...this.#held.values()].filter((process) => process.isAlive());
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

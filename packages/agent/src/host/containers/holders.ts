import { textOfBytes } from "@afterpatch/core/text";
import type { ProcessTable, Task } from "../processes.ts";
import { codeOf, readProc, tryLink } from "../read.ts";

// Programs of the host that hold one container each for as long as it runs: conmon(8) of podman and CRI-O, the shims of
// containerd, which Docker uses.

/** One of them, by its own arguments. */
export interface ContainerHolder {
  readonly task: Task;
  readonly engine: "podman" | "docker" | "containerd";
  /** 64 hex digits. */
  readonly id: string;
  /** Where conmon was told that the container's files are; null of a shim. */
  readonly bundle: string | null;
  readonly isRoot: boolean;
}

/** Those of this host: a container's processes may call themselves so, too. Each container once. */
export function holdersIn({ places }: ProcessTable): readonly ContainerHolder[] {
  const own = tryLink("/proc/self/ns/pid");
  const found: ContainerHolder[] = [];
  for (const { tasks } of places) {
    for (const task of tasks) {
      const isShim = task.stat.comm.startsWith("containerd-shim");
      if ((!isShim && task.stat.comm !== "conmon") || tryLink(`${task.proc}/ns/pid`) !== own) continue;
      const holder = holderOf(task, isShim);
      if (holder) found.push(holder);
    }
  }
  return found;
}

function holderOf(task: Task, isShim: boolean): ContainerHolder | null {
  try {
    const words = readProc(`${task.proc}/cmdline`).split("\0");
    const id = after(words, isShim ? ["-id", "--id"] : ["-c", "--cid"]);
    if (id === null || !/^[0-9a-f]{64}$/.test(id)) return null;
    // A second conmon serves each `podman exec`, with an id of its own for that.
    if (!isShim && (after(words, ["-u", "--cuuid"]) ?? id) !== id) return null;
    const isRoot = /^Uid:\t0\t0\t/m.test(readProc(`${task.proc}/status`));
    if (!isShim)
      return { task, engine: "podman", id, bundle: textOfBytes(after(words, ["-b", "--bundle"]) ?? ""), isRoot };
    const engine = after(words, ["-namespace", "--namespace"]) === "moby" ? "docker" : "containerd";
    return { task, engine, id, bundle: null, isRoot };
  } catch (error) {
    codeOf(error); // it ended
    return null;
  }
}

function after(words: readonly string[], names: readonly string[]): string | null {
  const at = words.findIndex((word) => names.includes(word));
  return at < 0 ? null : (words[at + 1] ?? null);
}

/** The container's first process: the oldest child of its conmon. */
export function heldBy({ task }: ContainerHolder, { places }: ProcessTable): Task | null {
  let first: Task | null = null;
  for (const { tasks } of places) {
    for (const one of tasks) {
      if (one.stat.ppid !== task.pid) continue;
      if (first === null || one.stat.startTicks < first.stat.startTicks) first = one;
    }
  }
  return first;
}

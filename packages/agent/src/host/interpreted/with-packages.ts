import type { FileFacts } from "@afterpatch/core/facts";
import type { Task } from "../processes.ts";
import type { Difference } from "./interpreted.ts";

/** What differs, and who has it, by index. */
interface Differing {
  readonly files: readonly FileFacts[];
  readonly holders: ReadonlyMap<Task, readonly number[]>;
}

/** Start times and installation times are read off different clocks. */
const SLACK_MS = 1000;

/** Beside what is mapped, what is interpreted. `doubts`: by index, what waits for the word of its package. */
export function joined(mapped: Differing, interpreted: readonly Difference[]) {
  const files = [...mapped.files];
  const holders = new Map([...mapped.holders].map(([task, indices]) => [task, [...indices]]));
  const doubts = new Map<number, Difference["by"]>();
  for (const { facts, holders: tasks, by } of interpreted) {
    const index = files.push(facts) - 1;
    if (by !== "bytes") doubts.set(index, by);
    for (const task of tasks) {
      const indices = holders.get(task);
      if (indices) indices.push(index);
      else holders.set(task, [index]);
    }
  }
  return { files, holders, doubts };
}

/**
 * What remains when the packages of the files are known. The same version installed again has the same bytes; and where
 * nothing but its package could tell of a file, it has to have been installed after the process started, by every clock
 * that this boot has had: `startedAt` is the latest of them.
 */
export function settled(
  { files, holders }: Differing,
  doubts: ReadonlyMap<number, Difference["by"]>,
  startedAt: (task: Task) => number,
): Differing {
  if (doubts.size === 0) return { files, holders };
  const holds = (index: number, task: Task) => {
    const by = doubts.get(index);
    const from = files[index]?.package;
    if (by === undefined) return true;
    if (from !== undefined && from.from !== null && from.from === from.to) return false;
    return by === "birth" || (from?.installedAt ?? 0) > startedAt(task) + SLACK_MS;
  };
  const kept = new Map(
    [...holders].map(([task, indices]) => [task, indices.filter((index) => holds(index, task))] as const),
  );
  const used = [...new Set([...kept.values()].flat())].sort((a, b) => a - b);
  const moved = new Map(used.map((index, at) => [index, at]));
  const still = [...kept].flatMap(([task, indices]) =>
    indices.length === 0 ? [] : [[task, indices.flatMap((index) => moved.get(index) ?? [])] as const],
  );
  return { files: used.flatMap((index) => files[index] ?? []), holders: new Map(still) };
}

import type { FileFacts } from "@afterpatch/core/facts";
import { type Comparing, compareFile, type Difference } from "./compare.ts";
import type { ProcessTable, Task } from "./processes.ts";
import type { States } from "./states.ts";
import { viewsOf } from "./views.ts";

/** How much of files without build-ids one scan reads, and how often it looks into a process's memory. */
const COMPARED_BYTES = 4n * 1024n * 1024n * 1024n;
const LOOKS = 20_000;

/** Files that differ from what their path names now, and who maps them, by index. */
export function differingFiles({ places }: ProcessTable, bootedAt: number, states: States | null) {
  const views = viewsOf(places);
  const comparing: Comparing = {
    budget: { bytes: COMPARED_BYTES },
    inPlace: { bootedAt, looks: LOOKS, states },
    names: new Map(),
  };
  const differences: Difference[] = [];
  for (const place of places) {
    for (const file of place.files.values()) {
      differences.push(...compareFile(file, place, views.get(place) ?? null, comparing));
    }
  }
  const files: FileFacts[] = [];
  const holders = new Map<Task, number[]>();
  for (const { facts, holders: found, again } of differences) {
    // A library that was just being loaded looked like one that was overwritten: by now it is complete.
    const tasks = again ? again() : found;
    if (tasks.length === 0) continue;
    const index = files.push(facts) - 1;
    for (const task of tasks) {
      const indices = holders.get(task);
      if (indices) indices.push(index);
      else holders.set(task, [index]);
    }
  }
  return { files, holders };
}

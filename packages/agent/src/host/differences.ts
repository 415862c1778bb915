import type { FileFacts } from "@afterpatch/core/facts";
import { type Comparing, compareFile, type Difference } from "./compare.ts";
import { noNames } from "./names.ts";
import type { MappedFile, Place, ProcessTable, Task } from "./processes.ts";
import type { States } from "./states.ts";
import type { View } from "./view.ts";

/** How much of files without build-ids one scan reads, and how often it looks into a process's memory. */
const COMPARED_BYTES = 4n * 1024n * 1024n * 1024n;
const LOOKS = 20_000;

/** Files that differ from what their path names now, and who maps them, by index. */
export function differingFiles(
  { places }: ProcessTable,
  bootedAt: number,
  states: States | null,
  views: ReadonlyMap<Place, View | null>,
) {
  const comparing: Comparing = {
    budget: { bytes: COMPARED_BYTES },
    inPlace: { bootedAt, looks: LOOKS, states },
    names: noNames(),
  };
  const differences = places.flatMap((place) => compareFiles(place, views.get(place) ?? null, comparing));
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

/** In the order in which they were found, whatever the order in which they are compared. */
function compareFiles(place: Place, view: View | null, comparing: Comparing): readonly Difference[] {
  const found = [...place.files.values()];
  const differences = new Map<MappedFile, readonly Difference[]>();
  // Those that few processes have come first: who is asked about them knows many of the others.
  for (const file of found.toSorted((a, b) => a.holders.length - b.holders.length)) {
    differences.set(file, compareFile(file, place, view, comparing));
  }
  return found.flatMap((file) => differences.get(file) ?? []);
}

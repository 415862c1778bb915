import type { FileFacts } from "@afterpatch/core/facts";
import { differingFiles } from "./differences.ts";
import {
  interpretedDifferences,
  interpretedIn,
  type Judging,
  readersOf,
  startOf,
  untoldNotes,
} from "./interpreted/interpreted.ts";
import { joined, settled } from "./interpreted/with-packages.ts";
import type { ProcessTable, Task } from "./processes.ts";
import { viewsOf } from "./views.ts";

/** Files that are not what their paths name, mapped and interpreted ones, and who has them, by index. */
export interface DifferingHere {
  readonly files: readonly FileFacts[];
  readonly holders: ReadonlyMap<Task, readonly number[]>;
  /** What remains of them once their packages are known: `files` with those, in the same order. */
  readonly settle: (files: readonly FileFacts[]) => Pick<DifferingHere, "files" | "holders">;
  readonly notes: readonly string[];
}

/** Mapped files by their content, interpreted ones by what there is. */
export function differingIn(table: ProcessTable, judging: Judging): DifferingHere {
  const { bootedAt, states } = judging;
  const views = viewsOf(table.places); // both look into the same folders
  const interpreted = interpretedIn(table, views);
  const mapped = differingFiles(table, bootedAt, states, views);
  const { files, holders, doubts } = joined(mapped, interpretedDifferences(interpreted, judging));
  const readers = readersOf(interpreted);
  const latest = startOf(states?.clock.now.to ?? bootedAt);
  return {
    files,
    holders,
    settle: (named) => settled({ files: named, holders }, doubts, (task) => latest(readers.get(task) ?? task)),
    notes: untoldNotes(interpreted),
  };
}

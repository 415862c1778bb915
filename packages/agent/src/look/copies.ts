import type { FileFacts } from "@afterpatch/core/facts";
import { readingsOf } from "@afterpatch/core/proc/maps";
import { textOfBytes } from "@afterpatch/core/text";
import { type AnyMapping, fileMappings } from "@afterpatch/core/users/mapped";
import { compareFile } from "../host/compare.ts";
import type { Budget } from "../host/content.ts";
import type { Place, ProcessTable, Task } from "../host/processes.ts";
import { codeOf, readProc } from "../host/read.ts";
import { viewsOf } from "../host/views.ts";
import { buildIdOfMapped } from "./build-id.ts";

/** One copy of a file that processes have mapped: two copies of one path are two of these. */
export interface Copy {
  /** As the processes see it, without the kernel's ` (deleted)`. */
  readonly path: string;
  /** As printed in maps, one byte per character. */
  readonly printed: string;
  readonly executable: boolean;
  readonly holders: readonly Task[];
  /** Null: the very file that its path names now. */
  readonly facts: FileFacts | null;
  /** Of the mapped copy; null where it has none or could not be read. */
  readonly buildId: string | null;
}

/** How much of files without build-ids is read to compare them. */
const COMPARED_BYTES = 1024n * 1024n * 1024n;

/** Copies of the files whose printed path is wanted, in the processes of `tasks` (all of them by default). */
export function copiesOf(
  { places }: ProcessTable,
  wanted: (printed: string) => boolean,
  isAsked: (task: Task) => boolean = () => true,
): readonly Copy[] {
  const views = viewsOf(places);
  const budget: Budget = { bytes: COMPARED_BYTES };
  return places.flatMap((place) =>
    mappedIn(place, wanted, isAsked).map(({ mapping, holders }) => {
      const facts = compareFile({ mapping, holders }, views.get(place) ?? null, budget);
      return {
        path: facts?.path ?? textOfBytes(readingsOf(mapping.path).literal[0]),
        printed: mapping.path,
        executable: mapping.executable,
        holders,
        facts,
        buildId: buildId(facts, mapping, holders),
      };
    }),
  );
}

interface Mapped {
  readonly mapping: AnyMapping;
  readonly holders: Task[];
}

function mappedIn({ tasks }: Place, wanted: (printed: string) => boolean, isAsked: (task: Task) => boolean) {
  const files = new Map<string, Mapped>();
  const answers = new Map<string, boolean>();
  const remembered = (printed: string) => {
    const answer = answers.get(printed) ?? wanted(printed);
    answers.set(printed, answer);
    return answer;
  };
  for (const task of tasks.filter(isAsked)) {
    for (const mapping of fileMappings(mapsOf(task), remembered)) {
      const file = files.get(mapping.tail);
      if (file) file.holders.push(task);
      else files.set(mapping.tail, { mapping, holders: [task] });
    }
  }
  return [...files.values()];
}

function mapsOf({ proc }: Task): string {
  try {
    return readProc(`${proc}/maps`);
  } catch (error) {
    codeOf(error); // it ended
    return "";
  }
}

function buildId(facts: FileFacts | null, mapping: AnyMapping, holders: readonly Task[]): string | null {
  if (facts === null || facts.onDisk.kind === "missing") return buildIdOfMapped(mapping, holders);
  return facts.mapped.kind === "build-id" ? facts.mapped.hex : null;
}

import { closeSync } from "node:fs";
import { type Agreement, agreement } from "@afterpatch/core/elf/loaded";
import type { FileFacts } from "@afterpatch/core/facts";
import { executableMappings, type Mapping } from "@afterpatch/core/proc/maps";
import { textOfBytes } from "@afterpatch/core/text";
import { type Budget, contentOf, open, type Side } from "./content.ts";
import { withMemory } from "./memory.ts";
import { reader } from "./names.ts";
import type { MappedFile, Task } from "./processes.ts";
import { codeOf, readProc, tryLink } from "./read.ts";

// The rule of `modified-in-place`. The file is the same inode that is mapped. Its ctime is later than the start of the
// process: necessary, and proof of nothing, for chmod, a backup or another hard link change it too. Then the process's
// own copies of the file's data are compared with what the loader would make of the file now (core/elf/loaded):
//   they differ             modified-in-place: the process works with a mixture of both
//   they are the same       nothing to report: touch, chmod, a hard link, or the same bytes
//   neither can be told     unknown if the mtime is later than the start too; else nothing, it was not written to

export interface Changed {
  readonly facts: FileFacts;
  readonly holders: readonly Task[];
  readonly again?: () => readonly Task[];
}

/** What a scan has for this: the clock, and how often it may look. */
export interface InPlace {
  /** Epoch milliseconds at which the machine started, by the current clock. */
  readonly bootedAt: number;
  looks: number;
}

const MS_PER_TICK = 10;
/** Start times and file times are read off different clocks. */
const SLACK_MS = 1000;

export function changedInPlace(
  path: string,
  file: MappedFile,
  side: Side,
  around: InPlace,
  budget: Budget,
): readonly Changed[] {
  const startedAt = ({ stat }: Task) => around.bootedAt + stat.startTicks * MS_PER_TICK;
  const changedAt = Number(side.stat.ctimeMs);
  const earlier = file.holders.filter((task) => startedAt(task) - SLACK_MS < changedAt);
  if (earlier.length === 0) return [];
  const told = earlier.map((task) => ({ task, said: lookAt(file, side, task, around) }));
  const changed = told.flatMap(({ said }) => (said.kind === "changed" ? said.why : []))[0];
  // Nobody can write to a program that runs (ETXTBSY), only to a library.
  const untold = told.filter(
    ({ task, said }) =>
      said.kind === "untold" &&
      startedAt(task) + SLACK_MS < Number(side.stat.mtimeMs) &&
      tryLink(`${task.proc}/exe`) !== file.mapping.path,
  );
  const result: Changed[] = [];
  if (changed !== undefined) {
    const holders = told.flatMap(({ task, said }) => (said.kind === "changed" ? task : []));
    const mapped = { kind: "overwritten", why: changed } as const;
    const again = () => holders.filter((task) => lookAt(file, side, task, around).kind === "changed");
    result.push({ facts: { path: textOfBytes(path), mapped, onDisk: contentOf(side, budget) }, holders, again });
  }
  if (untold.length > 0 && !file.mapping.isTemporary) {
    const why = "it was written to after the process started, and its memory does not tell whether with other bytes";
    const mapped = { kind: "unreadable", why } as const;
    const holders = untold.map(({ task }) => task);
    result.push({ facts: { path: textOfBytes(path), mapped, onDisk: contentOf(side, budget) }, holders });
  }
  return result;
}

const UNTOLD = { kind: "untold" } as const;

function lookAt(file: MappedFile, side: Side, task: Task, around: InPlace): Agreement {
  if (around.looks <= 0) return UNTOLD;
  around.looks -= 1;
  const fd = open(side);
  if (typeof fd !== "number") return UNTOLD;
  try {
    return compareMemory(file, Number(side.stat.size), reader(fd), task);
  } catch (error) {
    codeOf(error); // it ended, or the file cannot be read
    return UNTOLD;
  } finally {
    closeSync(fd);
  }
}

function compareMemory(file: MappedFile, size: number, read: ReturnType<typeof reader>, { proc }: Task): Agreement {
  const mappings = executableMappings(readProc(`${proc}/maps`)).filter((mapping) => isSameFile(mapping, file));
  return (
    withMemory(proc, (memory) => {
      let said: Agreement = UNTOLD;
      for (const { range, offset } of mappings) {
        const address = Number.parseInt(range, 16);
        said = agreement(read, size, memory, { address, offset });
        // A program may map parts of itself once more elsewhere, as V8 does: one that agrees is enough.
        if (said.kind === "same") return said;
      }
      return said;
    }) ?? UNTOLD
  );
}

/** Not by `tail`: how many blanks it holds depends on the length of the addresses. */
function isSameFile({ device, inode, path }: Mapping, { mapping }: MappedFile): boolean {
  return device === mapping.device && inode === mapping.inode && path === mapping.path;
}

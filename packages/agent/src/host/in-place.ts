import { closeSync } from "node:fs";
import { type Mapped, mappedBefore, nextState } from "@afterpatch/core/detect/file-state";
import { type Agreement, agreement } from "@afterpatch/core/elf/loaded";
import type { FileFacts } from "@afterpatch/core/facts";
import { executableMappings, type Mapping } from "@afterpatch/core/proc/maps";
import { textOfBytes } from "@afterpatch/core/text";
import { type Budget, contentOf, open, type Side } from "./content.ts";
import { withMemory } from "./memory.ts";
import { reader } from "./names.ts";
import type { MappedFile, Task } from "./processes.ts";
import { codeOf, readProc, tryLink } from "./read.ts";
import { keyOf, nowOf, type States } from "./states.ts";

// The rule of `modified-in-place`. The file is the same inode that is mapped. Its ctime is later than the start of the
// process: necessary, and proof of nothing, for chmod, a backup or another hard link change it too. Then the process's
// own copies of the file's data are compared with what the loader would make of the file now (core/elf/loaded):
//   they differ             modified-in-place: the process works with a mixture of both
//   they are the same       nothing to report: touch, chmod, a hard link, or the same bytes
//   neither can be told     unknown if the mtime is later than the start too; else nothing, it was not written to
// Where earlier scans are remembered, the last two are decided by the content that was seen then (core/detect/file-state):
//   other bytes, and the process was there at that scan       modified-in-place
//   other bytes, and the process is younger than that scan    unknown: nobody saw which was first
//   the same bytes since before the process started           nothing to report

export interface Changed {
  readonly facts: FileFacts;
  readonly holders: readonly Task[];
  readonly again?: () => readonly Task[];
}

/** What a scan has for this: the clock, how often it may look, and what it remembers; null: nothing is kept. */
export interface InPlace {
  /** Epoch milliseconds at which the machine started, by the current clock. */
  readonly bootedAt: number;
  looks: number;
  readonly states: States | null;
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
  // What is in another mount namespace has a path there that means nothing here.
  const states = side.path.startsWith("/proc/") ? null : around.states;
  states?.seen.set(side.path, side.stat);
  const startedAt = ({ stat }: Task) => around.bootedAt + stat.startTicks * MS_PER_TICK;
  const changedAt = Number(side.stat.ctimeMs);
  const listed = states?.old.get(side.path)?.before ?? [];
  const isListed = ({ pid, stat }: Task) =>
    listed.some((mapped) => mapped.pid === pid && mapped.startTicks === stat.startTicks);
  const byAnyClock = ({ stat }: Task) =>
    (around.states?.clock.now.from ?? around.bootedAt) + stat.startTicks * MS_PER_TICK;
  const earlier = withHeirs(file.holders, (task) => byAnyClock(task) - SLACK_MS < changedAt || isListed(task));
  if (earlier.length === 0) return [];
  const told = earlier.map((task) => ({ task, ...lookAt(file, side, task, around) }));
  const remembered =
    states === null ? new Map<Task, "before" | "unsure" | "after">() : remember(told, side, states, startedAt);
  const why = told.flatMap(({ said }) => (said.kind === "changed" ? said.why : []))[0];
  const changed = told.flatMap(({ task, said }) =>
    said.kind === "changed" || remembered.get(task) === "before" ? task : [],
  );
  // Nobody can write to a program that runs (ETXTBSY), only to a library.
  const untold = told.filter(
    ({ task, said }) =>
      said.kind === "untold" &&
      !remembered.has(task) &&
      startedAt(task) + SLACK_MS < Number(side.stat.mtimeMs) &&
      tryLink(`${task.proc}/exe`) !== file.mapping.path,
  );
  const unsure = told.filter(({ task, said }) => said.kind !== "changed" && remembered.get(task) === "unsure");
  const result: Changed[] = [];
  const facts = (mapped: FileFacts["mapped"]) => ({ path: textOfBytes(path), mapped, onDisk: contentOf(side, budget) });
  if (changed.length > 0) {
    const again = () =>
      changed.filter(
        (task) => remembered.get(task) === "before" || lookAt(file, side, task, around).said.kind === "changed",
      );
    const mapped = {
      kind: "overwritten",
      why: why ?? "an earlier scan saw other bytes in it, and the process had it mapped then",
    } as const;
    result.push({ facts: facts(mapped), holders: changed, again });
  }
  for (const [holders, unknown] of [
    [untold, "it was written to after the process started, and its memory does not tell whether with other bytes"],
    [unsure, "other bytes were written to it since the last scan, perhaps after the process started"],
  ] as const) {
    if (holders.length === 0 || file.mapping.isTemporary) continue;
    result.push({ facts: facts({ kind: "unreadable", why: unknown }), holders: holders.map(({ task }) => task) });
  }
  return result;
}

/**
 * Those that started early enough, and who descends from them: a child has what its parent mapped until it calls
 * execve(2). Children of PID 1 always do that.
 */
function withHeirs(holders: readonly Task[], isEarly: (task: Task) => boolean): readonly Task[] {
  const early = holders.filter(isEarly);
  if (early.length === 0 || early.length === holders.length) return early;
  const pids = new Set(early.flatMap(({ pid }) => (pid === 1 ? [] : pid)));
  const rest = holders.filter((task) => !isEarly(task)).sort((a, b) => a.stat.startTicks - b.stat.startTicks);
  const heirs = rest.filter(({ pid, stat }) => {
    if (!pids.has(stat.ppid)) return false;
    pids.add(pid);
    return true;
  });
  return [...early, ...heirs];
}

interface Look {
  readonly said: Agreement;
  /** Where it is mapped; null where that could not be read. */
  readonly address: number | null;
}

/** What earlier scans tell of each process, and what this one leaves for the next. */
function remember(
  told: readonly (Look & { readonly task: Task })[],
  side: Side,
  states: States,
  startedAt: (task: Task) => number,
): ReadonlyMap<Task, "before" | "unsure" | "after"> {
  const answers = new Map<Task, "before" | "unsure" | "after">();
  const old = states.old.get(side.path) ?? null;
  const now =
    old?.key === keyOf(side.stat) ? { ...old, changedAt: old.since } : nowOf(side.path, side.stat, states, old);
  if (now === null) return answers;
  const before: Mapped[] = [];
  for (const { task, address } of told) {
    if (address === null) continue;
    const { pid, stat } = task;
    const mapped = { pid, startTicks: stat.startTicks, address };
    const answer = mappedBefore(old, now, states.seenAt, { ...mapped, ppid: stat.ppid, startedAt: startedAt(task) });
    if (answer === null) continue;
    answers.set(task, answer);
    if (answer !== "after") before.push({ ...mapped, isSure: answer === "before" });
  }
  if (old === null || now.key !== old.key || JSON.stringify(before) !== JSON.stringify(old.before))
    states.judged.set(side.path, nextState(side.path, old, now, before));
  return answers;
}

const UNTOLD = { said: { kind: "untold" }, address: null } as const;

function lookAt(file: MappedFile, side: Side, task: Task, around: InPlace): Look {
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

function compareMemory(file: MappedFile, size: number, read: ReturnType<typeof reader>, { proc }: Task): Look {
  const mappings = executableMappings(readProc(`${proc}/maps`)).filter((mapping) => isSameFile(mapping, file));
  const [first] = mappings;
  const address = first === undefined ? null : Number.parseInt(first.range, 16);
  const said = withMemory(proc, (memory) => {
    let result: Agreement = { kind: "untold" };
    for (const { range, offset } of mappings) {
      result = agreement(read, size, memory, { address: Number.parseInt(range, 16), offset });
      // A program may map parts of itself once more elsewhere, as V8 does: one that agrees is enough.
      if (result.kind === "same") return result;
    }
    return result;
  });
  return { said: said ?? { kind: "untold" }, address };
}

/** Not by `tail`: how many blanks it holds depends on the length of the addresses. */
function isSameFile({ device, inode, path }: Mapping, { mapping }: MappedFile): boolean {
  return device === mapping.device && inode === mapping.inode && path === mapping.path;
}

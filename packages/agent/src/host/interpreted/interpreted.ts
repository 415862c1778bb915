import type { FileFacts } from "@afterpatch/core/facts";
import type { Language } from "@afterpatch/core/interpreters/types";
import { textOfBytes } from "@afterpatch/core/text";
import { type Budget, contentOf } from "../content.ts";
import type { Place, ProcessTable, Task } from "../processes.ts";
import type { States } from "../states.ts";
import type { View } from "../view.ts";
import { viewsOf } from "../views.ts";
import { type Evidence, evidenceOf, type Learnt, learn } from "./evidence.ts";
import { type OpenFile, openFilesOf } from "./exact.ts";
import { type ProgramFiles, programReader } from "./program-files.ts";
import { type Running, runningIn } from "./running.ts";
import type { ProgramFile } from "./search/search.ts";
import { type Texts, Tree } from "./tree.ts";

/** Bytes of texts that one scan reads to see what they import, and of scripts that it compares. */
const TEXT_BYTES = 96 * 1024 * 1024;
const COMPARED_BYTES = 1024n * 1024n * 1024n;
const MS_PER_TICK = 10;

/** One interpreter's process and the files of its program. */
export interface Interpreted {
  readonly running: Running;
  readonly files: ProgramFiles;
}

/** What interpreters run, each process with its program. */
export function interpretedIn(
  table: ProcessTable,
  views: ReadonlyMap<Place, View | null> = viewsOf(table.places),
): readonly Interpreted[] {
  const texts: Texts = { bytes: TEXT_BYTES };
  const trees = new Map<Place, Tree>();
  for (const [place, view] of views) if (view !== null) trees.set(place, new Tree(place, view, texts));
  const read = programReader();
  return runningIn(table, trees).map((running) => ({ running, files: read(running) }));
}

/** Interpreters that keep what they read open: their descriptors tell even where a link leads elsewhere now. */
const KEEPS_OPEN: ReadonlySet<Language> = new Set(["shell", "java"]);
const UNSEEN: Learnt = { old: null, now: null, wasThere: () => false };

/** What differs, by file and evidence, and who has it. */
export interface Difference {
  readonly facts: FileFacts;
  readonly holders: readonly Task[];
  /** What it rests on; on `birth` and `package`, what is known of the file's package has the last word. */
  readonly by: "bytes" | "birth" | "package";
}

export interface Judging {
  /** Epoch milliseconds, by the clock of now. */
  readonly bootedAt: number;
  readonly now: number;
  readonly states: States | null;
}

/** The files of interpreted programs that are not, or may not be, what their processes read. */
export function interpretedDifferences(all: readonly Interpreted[], judging: Judging): readonly Difference[] {
  const budget: Budget = { bytes: COMPARED_BYTES };
  const readers = readersOf(all);
  const clock = judging.states?.clock.now;
  const [earliest, latest] = [startOf(clock?.from ?? judging.bootedAt), startOf(clock?.to ?? judging.bootedAt)];
  const learnt = learnAll(all, readers, judging);
  const found = new Map<string, { facts: FileFacts; holders: Task[]; by: Difference["by"] }>();
  const add = (facts: FileFacts, task: Task, by: Difference["by"] = "bytes") => {
    const key = JSON.stringify([facts.path, facts.evidence, facts.mapped, facts.onDisk, by]);
    const known = found.get(key);
    if (known) known.holders.push(task);
    else found.set(key, { facts, holders: [task], by });
  };
  for (const { running, files } of all) {
    const { task } = running;
    const reader = readers.get(task) ?? task;
    const times = { earliest: earliest(reader), latest: latest(reader), now: judging.now };
    const told = files.files.map((file) => ({
      file,
      evidence: evidenceOf(file.side, learnt.get(file.side.path) ?? UNSEEN, reader, times),
    }));
    const isDoubted = files.missing !== null || told.some(({ evidence }) => evidence.kind !== "current");
    const open = isDoubted || KEEPS_OPEN.has(running.interpreter.language) ? openFilesOf(running, files, budget) : [];
    const byPath = new Map(open.map((one) => [one.path, one]));
    for (const { facts } of open) if (facts !== null) add(facts, task);
    for (const facts of notThere(running, files, byPath)) add(facts, task);
    for (const { file, evidence } of told) {
      const own = byPath.get(file.path);
      if (own && !own.isOnDisk) continue; // told exactly
      const facts = factsOf(file, own ?? null, running, evidence, budget);
      if (facts !== null) add(facts, task, byOf(evidence));
    }
  }
  return [...found.values()];
}

function byOf(evidence: Evidence): Difference["by"] {
  if (evidence.kind !== "suspected") return "package";
  return evidence.isWritten ? "bytes" : "birth";
}

/** A file that is open cannot have been read before it was made: only that it was written to since counts. */
function factsOf(
  file: ProgramFile,
  own: OpenFile | null,
  { tree }: Running,
  evidence: Evidence,
  budget: Budget,
): FileFacts | null {
  if (evidence.kind === "current") return null;
  const path = textOfBytes(tree.root + file.path);
  const of = file.of === undefined ? "" : `, of ${file.of}`;
  if (own !== null) {
    if (evidence.kind === "package" || !evidence.isWritten) return null;
    const onDisk = contentOf(file.side, budget);
    return {
      path,
      role: file.role,
      evidence: evidence.why,
      mapped: { kind: "overwritten", why: evidence.why },
      onDisk,
    };
  }
  const why = evidence.kind === "package" ? "its package was installed after the process started" : evidence.why + of;
  const side = { kind: "suspected", why } as const; // there is nothing to compare what is on the disk with
  return { path, role: file.role, evidence: why, mapped: side, onDisk: side };
}

/** The program itself, where it is gone or cannot be reached. */
function notThere(
  { tree }: Running,
  { missing, unreadable }: ProgramFiles,
  open: ReadonlyMap<string, OpenFile>,
): readonly FileFacts[] {
  if (unreadable !== null) {
    const side = { kind: "unreadable", why: unreadable.why } as const;
    return [{ path: textOfBytes(tree.root + unreadable.path), role: "script", mapped: side, onDisk: side }];
  }
  if (missing === null || open.has(missing) || TEMPORARY.test(missing)) return [];
  const why = "the process was started with it, and it is gone";
  const path = textOfBytes(tree.root + missing);
  return [{ path, role: "script", evidence: why, mapped: { kind: "suspected", why }, onDisk: { kind: "missing" } }];
}

const TEMPORARY = /^\/(?:tmp|var\/tmp|run|var\/run|dev)\//;

/**
 * Which process read the program that each one runs: one that was forked, and started nothing else, has what its parent
 * read, however late it was made.
 */
export function readersOf(all: readonly Interpreted[]): ReadonlyMap<Task, Task> {
  const byPid = new Map(all.map(({ running }) => [running.task.pid, running]));
  return new Map(
    all.map(({ running }) => {
      let first = running;
      for (let step = 0; step < 64 && running.interpreter.forks; step += 1) {
        const parent = byPid.get(first.task.stat.ppid);
        if (!parent || !isFork(first, parent)) break;
        first = parent;
      }
      return [running.task, first.task];
    }),
  );
}

/** Epoch milliseconds at which a process started, by the clock of now. */
export function startOf(bootedAt: number): (task: Task) => number {
  return ({ stat }) => bootedAt + stat.startTicks * MS_PER_TICK;
}

function isFork(child: Running, parent: Running): boolean {
  return child.executable === parent.executable && child.argv.join("\0") === parent.argv.join("\0");
}

/** Only what is of this host's own tree has a path that means the same at the next scan. */
function learnAll(
  all: readonly Interpreted[],
  readers: ReadonlyMap<Task, Task>,
  { states, bootedAt }: Judging,
): ReadonlyMap<string, Learnt> {
  const learnt = new Map<string, Learnt>();
  if (states === null) return learnt;
  const users = new Map<string, { file: ProgramFile; tasks: Set<Task> }>();
  for (const { running, files } of all) {
    if (running.tree.view.prefix !== "") continue;
    for (const file of files.files) {
      const reader = readers.get(running.task) ?? running.task;
      const known = users.get(file.side.path);
      if (known) known.tasks.add(reader);
      else users.set(file.side.path, { file, tasks: new Set([reader]) });
    }
  }
  for (const [path, { file, tasks }] of users) {
    learnt.set(path, learn(path, file.side.stat, [...tasks], states, startOf(bootedAt)));
  }
  return learnt;
}

const SHOWN = 3;

/** Processes of which it is not known what they run: a note, or none. */
export function untoldNotes(all: readonly Interpreted[]): readonly string[] {
  const untold = all.flatMap(({ running, files }) =>
    files.untold === null ? [] : [`pid ${running.task.pid} (${textOfBytes(running.executable)}: ${files.untold})`],
  );
  if (untold.length === 0) return [];
  const more = untold.length > SHOWN ? `, and ${untold.length - SHOWN} more` : "";
  return [`interpreters: it is not known what is run by ${untold.slice(0, SHOWN).join(", ")}${more}`];
}

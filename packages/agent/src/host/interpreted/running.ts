import { interpreterOf } from "@afterpatch/core/interpreters/all";
import { isShellOfBusybox } from "@afterpatch/core/interpreters/program/shell";
import { type Interpreter, type Program, RENAMED } from "@afterpatch/core/interpreters/types";
import { readingsOf } from "@afterpatch/core/proc/maps";
import type { Place, ProcessTable, Task } from "../processes.ts";
import { codeOf, readProc, tryLink } from "../read.ts";
import type { Tree } from "./tree.ts";

/** A process of an interpreter. Texts hold one byte per character. */
export interface Running {
  readonly task: Task;
  readonly interpreter: Interpreter;
  /** The executable, as the process sees it. */
  readonly executable: string;
  readonly argv: readonly string[];
  /** As the process sees it; null where it cannot be read. */
  readonly folder: string | null;
  readonly program: Program;
  readonly tree: Tree;
  /** One of its variables, environ(7): read as data, to know where to look, and handed to nobody. */
  readonly variable: (name: string) => string | null;
}

const MOST_WORDS = 4096;

/** Every process whose executable is an interpreter. Only their own entries of /proc are read. */
export function runningIn(table: ProcessTable, trees: ReadonlyMap<Place, Tree>): readonly Running[] {
  const found = new Map<number, Running>();
  for (const [place, tree] of trees) {
    for (const task of tasksOf(place)) {
      const running = runningOf(task, tree);
      if (running !== null) found.set(task.pid, running);
    }
  }
  return [...found.values()].map((running) => withParent(running, found, table));
}

function tasksOf({ files }: Place): ReadonlySet<Task> {
  const tasks = new Set<Task>();
  for (const { mapping, holders } of files.values()) {
    const [name = ""] = readingsOf(mapping.path).deleted;
    if (interpreterOf(mapping.path) === null && interpreterOf(name) === null) continue;
    for (const holder of holders) tasks.add(holder);
  }
  return tasks;
}

function runningOf(task: Task, tree: Tree): Running | null {
  try {
    const link = tryLink(`${task.proc}/exe`);
    if (link === null) return null;
    const executable = tree.inside(link.endsWith(DELETED) ? link.slice(0, -DELETED.length) : link);
    const interpreter = interpreterOf(executable);
    if (interpreter === null) return null;
    const argv = wordsOf(readProc(`${task.proc}/cmdline`));
    if (/busybox/.test(executable) && !isShellOfBusybox(argv)) return null;
    const cwd = tryLink(`${task.proc}/cwd`);
    const folder = cwd === null || !cwd.startsWith("/") || cwd.endsWith(DELETED) ? null : tree.inside(cwd);
    const program = isOwn(argv, interpreter) ? interpreter.programOf(argv) : RENAMED;
    return { task, interpreter, executable, argv, folder, program, tree, variable: variablesOf(task) };
  } catch (error) {
    codeOf(error); // gone
    return null;
  }
}

const DELETED = " (deleted)";

function wordsOf(cmdline: string): readonly string[] {
  return cmdline.replace(/\0+$/, "").split("\0").slice(0, MOST_WORDS);
}

/** The words are those that it was started with. A link may give an interpreter another name; a title has no words. */
function isOwn(argv: readonly string[], { language }: Interpreter): boolean {
  const [first = ""] = argv;
  if (argv.length > 1) return true;
  return interpreterOf(first.replace(/^-/, ""))?.language === language;
}

function variablesOf({ proc }: Task): Running["variable"] {
  let known: ReadonlyMap<string, string> | null = null;
  return (name) => {
    known ??= readVariables(proc);
    return known.get(name) ?? null;
  };
}

function readVariables(proc: string): ReadonlyMap<string, string> {
  try {
    const entries = readProc(`${proc}/environ`).split("\0").slice(0, MOST_WORDS);
    return new Map(
      entries.flatMap((entry) => {
        const equals = entry.indexOf("=");
        return equals > 0 ? [[entry.slice(0, equals), entry.slice(equals + 1)] as const] : [];
      }),
    );
  } catch (error) {
    codeOf(error); // not ours to read
    return new Map();
  }
}

/** What a worker runs is what its parent does: one that said so, or that wrote a title of its own. */
function withParent(running: Running, all: ReadonlyMap<number, Running>, { stats }: ProcessTable): Running {
  let program = running.program;
  let at = running.task.pid;
  for (let step = 0; step < 16 && (program.isWorker || program === RENAMED); step += 1) {
    at = stats.get(at)?.ppid ?? 0;
    const parent = all.get(at);
    if (!parent || parent.executable !== running.executable) break;
    program = parent.program;
  }
  return program === running.program ? running : { ...running, program };
}

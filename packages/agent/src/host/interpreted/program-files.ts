import type { Language } from "@afterpatch/core/interpreters/types";
import type { Running } from "./running.ts";
import { searchJava } from "./search/java.ts";
import { entryAt, searchNode } from "./search/node.ts";
import { searchPerl } from "./search/perl.ts";
import { searchPhp } from "./search/php.ts";
import { searchPython } from "./search/python.ts";
import { searchRuby } from "./search/ruby.ts";
import type { ProgramFile, Search, Searcher } from "./search/search.ts";
import { searchShell } from "./search/shell.ts";
import { type TreeFile, under } from "./tree.ts";

const SEARCHERS: Readonly<Record<Language, Searcher>> = {
  shell: searchShell,
  python: searchPython,
  perl: searchPerl,
  ruby: searchRuby,
  node: searchNode,
  php: searchPhp,
  java: searchJava,
};

/** Most files that one program is followed through, in the order in which they are imported. */
const MOST_FILES = 3000;

/** What a process of an interpreter consists of, as far as its texts say. */
export interface ProgramFiles {
  /** What it was started with, links followed; null: nothing, or it is not there. */
  readonly script: ProgramFile | null;
  /** `script` and everything that it loads by name. */
  readonly files: readonly ProgramFile[];
  /** An absolute path that was started and leads nowhere now, as the process sees it. */
  readonly missing: string | null;
  /** The script cannot be reached, and why. */
  readonly unreadable: { readonly path: string; readonly why: string } | null;
  /** Why it is not known what the process runs; null: it is. */
  readonly untold: string | null;
}

const NOTHING: ProgramFiles = { script: null, files: [], missing: null, unreadable: null, untold: null };

/** Workers share their words and folders: each program is followed once. */
export function programReader(): (running: Running) => ProgramFiles {
  const known = new Map<string, ProgramFiles>();
  return (running) => {
    const key = keyOf(running);
    const found = known.get(key) ?? read(running);
    known.set(key, found);
    return found;
  };
}

/** Variables by which programs are told where modules are. */
const VARIABLES: Readonly<Record<Language, readonly string[]>> = {
  shell: [],
  python: ["PYTHONPATH", "VIRTUAL_ENV", "HOME"],
  perl: ["PERL5LIB"],
  ruby: ["RUBYLIB", "GEM_HOME", "GEM_PATH", "HOME"],
  node: ["NODE_PATH"],
  php: [],
  java: ["CLASSPATH"],
};

const trees = new WeakMap<object, number>();
let treeCount = 0;

function keyOf({ tree, interpreter, executable, argv, folder, program, variable }: Running): string {
  const number = trees.get(tree) ?? ++treeCount;
  trees.set(tree, number);
  return JSON.stringify([number, executable, argv, folder, program, VARIABLES[interpreter.language].map(variable)]);
}

function read(running: Running): ProgramFiles {
  const { program, interpreter } = running;
  const start = program.script === null ? NOTHING : startOf(program.script, running);
  const untold = program.untold ?? start.untold;
  if (start.missing !== null || start.unreadable !== null || (start.script === null && program.script !== null))
    return { ...start, untold };
  const search = SEARCHERS[interpreter.language](running, start.script);
  return { ...start, files: follow(search), untold };
}

/** The file that the interpreter was given. */
function startOf(typed: string, running: Running): ProgramFiles {
  const { folder, tree, interpreter } = running;
  if (/^\/(?:dev|proc)\//.test(typed)) return NOTHING; // an open descriptor: of ours, by this path
  if (folder === null && !typed.startsWith("/"))
    return { ...NOTHING, untold: "its working directory is gone or cannot be read" };
  const path = under(folder ?? "/", typed);
  const found = tree.find(path);
  if (found.kind === "unreadable") return { ...NOTHING, unreadable: { path, why: found.why } };
  if (found.kind === "found" && found.stat.isFile()) return { ...NOTHING, script: started(tree.fileOf(found)) };
  const inside = interpreter.language === "node" ? entryAt(tree, path) : tree.file(`${path}/__main__.py`);
  if (inside !== null) return { ...NOTHING, script: started(inside) };
  if (found.kind === "found") return NOTHING; // a pipe, a terminal
  if (typed.startsWith("/")) return { ...NOTHING, missing: path };
  return { ...NOTHING, untold: "its program is not in its working directory, which it may have left" };
}

function started(file: TreeFile): ProgramFile {
  return { ...file, role: /\.(?:pyz|zip|egg|whl|phar)$/.test(file.path) ? "archive" : "script" };
}

/** Breadth first: what a program loads first is what it surely has. */
function follow({ roots, next, isPartOfLanguage }: Search): readonly ProgramFile[] {
  const found = new Map<string, ProgramFile>();
  const waiting: ProgramFile[] = [];
  const add = (files: readonly ProgramFile[]) => {
    for (const file of files) {
      if (found.has(file.path) || found.size >= MOST_FILES) continue;
      found.set(file.path, file);
      waiting.push(file);
    }
  };
  add(roots);
  for (let at = 0; at < waiting.length; at += 1) {
    const file = waiting[at];
    if (!file || file.role === "archive" || isPartOfLanguage?.(file)) continue;
    add(next(file));
  }
  return [...found.values()];
}

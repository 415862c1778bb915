import { closeSync, readSync } from "node:fs";
import { type Elf, layoutOf, type ReadAt } from "@afterpatch/core/elf/layout";
import { type LoadedNames, loadedNames } from "@afterpatch/core/elf/link-map";
import type { FileFacts } from "@afterpatch/core/facts";
import { textOfBytes } from "@afterpatch/core/text";
import { type Budget, compareContents, open, type Side } from "./content.ts";
import { withMemory } from "./memory.ts";
import type { MappedFile, Place, Task } from "./processes.ts";
import { codeOf, pathOf, readProc, tryLink } from "./read.ts";
import { type Found, find, type View } from "./view.ts";

// A file that is still where maps says may not be what a new process would load: its folder was moved aside, or a link
// on the way to it leads elsewhere now. The name it was loaded by tells: the kernel keeps the program's, the loader those
// of libraries.

/** A file whose old name leads to another one now, and who loaded it by that name. */
export interface Renamed {
  readonly facts: FileFacts;
  readonly holders: readonly Task[];
}

/** Names by which one process loaded its files, by file; read once per process. */
export type NamesRead = Map<Task, { readonly program: string | null; libraries: ReadonlyMap<string, string> | null }>;

export function renamedFile(
  file: MappedFile,
  side: Side,
  { place, view }: { readonly place: Place; readonly view: View },
  read: NamesRead,
  budget: Budget,
): Renamed | null {
  // A process that changed its root may have loaded everything before: its names mean nothing here.
  if (place.root !== "/" || isSettled(file, side, view)) return null;
  const { holders } = file;
  const elsewhere = (task: Task) => leadsElsewhere(nameOf(file, task, read), file, side, view, budget);
  // One process is asked for all, if possible one that was asked before; a second one only when the first has news.
  const first = holders.slice(0, 8).find((task) => read.get(task)?.libraries) ?? holders[0];
  const facts = first ? elsewhere(first) : null;
  if (!first || !facts) return null;
  const last = holders.at(-1) ?? first;
  return { facts, holders: last !== first && elsewhere(last) === null ? [first] : holders };
}

/** Where packages put programs and libraries: they replace files there, and neither swap folders nor flip links to them. */
const PROGRAMS_FOLDER = /^\/(?:usr\/)?s?bin\/[^/]+$/;
const LIBRARIES_FOLDER = /^\/(?:usr\/)?lib(?:64|32|x32)?\//;
const VERSIONED = /^(.*\.so\.[0-9]+)\.[0-9.]+$/;

/** Most files lie where packages put them, under the name that programs ask for: no process has to be asked about them. */
function isSettled({ mapping: { path } }: MappedFile, { stat }: Side, view: View): boolean {
  if (PROGRAMS_FOLDER.test(path)) return true;
  if (!LIBRARIES_FOLDER.test(path)) return false;
  const asked = VERSIONED.exec(path)?.[1];
  if (asked === undefined) return /\.so(?:\.[0-9]+)?$/.test(path);
  const now = find(asked, view);
  return now.kind !== "found" || (now.stat.ino === stat.ino && now.stat.dev === stat.dev);
}

function nameOf(file: MappedFile, task: Task, read: NamesRead): string | null {
  const { path } = file.mapping;
  const isLibrary = /\.so(?:[.-]|$)/.test(path.slice(path.lastIndexOf("/")));
  let names = read.get(task);
  if (!names || (isLibrary && names.libraries === null)) {
    const { program, libraries } = readNames(task, isLibrary);
    names = { program, libraries: isLibrary ? byFile(libraries, task) : null };
    read.set(task, names);
  }
  if (!isLibrary && tryLink(`${task.proc}/exe`) === path) return names.program;
  return names.libraries?.get(keyOf(file.mapping.tail)) ?? null;
}

const NONE: LoadedNames = { program: null, libraries: [] };

function readNames({ proc }: Task, libraries: boolean): LoadedNames {
  try {
    const auxv = pathOf(readProc(`${proc}/auxv`));
    return withMemory(proc, (memory) => loadedNames(auxv, memory, { libraries })) ?? NONE;
  } catch (error) {
    codeOf(error); // it ended, or is not ours to read
    return NONE;
  }
}

function byFile(libraries: LoadedNames["libraries"], { proc }: Task): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  if (libraries.length === 0) return names;
  const ranges = rangesOf(proc);
  for (const { name, dynamic } of libraries) {
    const range = ranges.find(({ start, end }) => start <= dynamic && dynamic < end);
    if (range) names.set(range.key, name);
  }
  return names;
}

function rangesOf(proc: string) {
  try {
    return readProc(`${proc}/maps`)
      .split("\n")
      .flatMap((line) => {
        const [, start = "", end = "", tail = ""] = /^([0-9a-f]+)-([0-9a-f]+) \S+ \S+ (\S+ [1-9].*)$/.exec(line) ?? [];
        return tail ? [{ start: Number.parseInt(start, 16), end: Number.parseInt(end, 16), key: keyOf(tail) }] : [];
      });
  } catch (error) {
    codeOf(error); // it ended
    return [];
  }
}

/** Device, inode and path without the blanks between, whose number depends on the length of addresses. */
function keyOf(tail: string): string {
  return tail.replace(/^(\S+ \S+) +/, "$1 ");
}

/** The file that `name` leads to now, compared, if it is another program or library than the one that was loaded. */
function leadsElsewhere(
  name: string | null,
  { mapping }: MappedFile,
  mapped: Side,
  view: View,
  budget: Budget,
): FileFacts | null {
  // `..` after a link cannot be taken away, and what is below /dev and /proc is another thing to each process.
  if (!name?.startsWith("/") || /\/\.\.(?:\/|$)|^\/(?:dev|proc)\//.test(name) || name === mapping.path) return null;
  const plain = name.replace(/\/(?:\.?\/)+/g, "/");
  const now = find(plain, view);
  if (now.kind !== "found" || !now.stat.isFile()) return null; // nothing new is there
  if (now.stat.ino === mapped.stat.ino && now.stat.dev === mapped.stat.dev) return null;
  const onDisk = sideOf(now, view);
  // A script's interpreter and an emulator are started by the name of what they run.
  if (!isSameKind(mapped, onDisk)) return null;
  const facts = { path: textOfBytes(plain), mappedPath: textOfBytes(mapping.path) };
  return { ...facts, ...compareContents(mapped, onDisk, budget) };
}

function sideOf({ path, stat }: Extract<Found, { kind: "found" }>, { prefix }: View): Side {
  return { path: prefix + path, isHandle: false, stat };
}

function isSameKind(one: Side, other: Side): boolean {
  const [a, b] = [elfOf(one), elfOf(other)];
  return a !== null && b !== null && a.is64 === b.is64 && a.machine === b.machine;
}

/** Null when the file is no ELF file or cannot be opened. */
export function elfOf(side: Side): Elf | null {
  const fd = open(side);
  if (typeof fd !== "number") return null;
  try {
    return layoutOf(reader(fd));
  } catch (error) {
    codeOf(error);
    return null;
  } finally {
    closeSync(fd);
  }
}

export function reader(fd: number): ReadAt {
  return (offset, length) => {
    const bytes = Buffer.allocUnsafe(Math.min(length, 64 * 1024));
    return bytes.subarray(0, readSync(fd, bytes, 0, bytes.length, offset));
  };
}

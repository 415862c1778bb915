import { closeSync, readSync } from "node:fs";
import { type Elf, layoutOf, type ReadAt } from "@afterpatch/core/elf/layout";
import { type LoadedNames, loadedNames } from "@afterpatch/core/elf/link-map";
import type { FileFacts } from "@afterpatch/core/facts";
import { textOfBytes } from "@afterpatch/core/text";
import { type Budget, compareContents, open, type Side } from "./content.ts";
import { withMemory } from "./memory.ts";
import type { MappedFile, Place, Task } from "./processes.ts";
import { codeOf, pathOf, readBytes, readProc, tryLink } from "./read.ts";
import { type Found, find, type View } from "./view.ts";

// A file that is still where maps says may not be what a new process would load: its folder was moved aside, or a link
// on the way to it leads elsewhere now. The name it was loaded by tells: the kernel keeps the program's, the loader those
// of libraries.

/** A file whose old name leads to another one now, and who loaded it by that name. */
export interface Renamed {
  readonly facts: FileFacts;
  readonly holders: readonly Task[];
}

/** What was read of processes, once of each: by which names it loaded its files, and where its program is. */
export interface NamesRead {
  readonly names: Map<Task, Names>;
  readonly programs: Map<Task, string | null>;
}

export function noNames(): NamesRead {
  return { names: new Map(), programs: new Map() };
}

interface Names {
  readonly program: string | null;
  readonly libraries: ReadonlyMap<string, string> | null;
  /** By maps that were read right after the names, and not at the beginning of the scan. */
  readonly isFresh: boolean;
}

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
  const certainly = (task: Task) => {
    const facts = elsewhere(task);
    if (facts === null || read.names.get(task)?.isFresh) return facts;
    read.names.set(task, readNames(task, { libraries: true, maps: null }));
    return elsewhere(task);
  };
  // One process is asked for all, if possible one that was asked before; a second one only when the first has news.
  const first = holders.find((task) => read.names.get(task)?.libraries) ?? holders[0];
  if (!first) return null;
  if (isProgram(file, first, read)) return renamedProgram(holders, certainly);
  const facts = certainly(first);
  if (!facts) return null;
  const last = holders.at(-1) ?? first;
  return { facts, holders: last !== first && certainly(last) === null ? [first] : holders };
}

/** Of processes without news so many are asked; a program of many names (bash, by its scripts) would be asked for ever. */
const MOST_ASKED = 4;

/** Each process has a name of its own for its program: one was started by a link, another by the file's own name. */
function renamedProgram(holders: readonly Task[], certainly: (task: Task) => FileFacts | null): Renamed | null {
  for (const task of holders.slice(0, MOST_ASKED)) {
    const facts = certainly(task);
    if (facts === null) continue;
    return { facts, holders: holders.filter((other) => other === task || certainly(other)?.path === facts.path) };
  }
  return null;
}

function isProgram({ mapping: { path } }: MappedFile, task: Task, { programs }: NamesRead): boolean {
  let program = programs.get(task);
  if (program === undefined) {
    program = tryLink(`${task.proc}/exe`);
    programs.set(task, program);
  }
  return program === path;
}

const LIBRARIES_FOLDER = /^\/(?:usr\/)?lib(?:64|32|x32)?\//;
/** Where the loader looks for libraries by itself. */
const SEARCHED_FOLDER = /^\/(?:usr\/)?lib(?:64|32|x32)?\/(?:[a-z0-9_]+-linux-[a-z0-9]+\/)?[^/]+$/;
const VERSIONED = /^(.*\.so\.[0-9]+)\.[0-9.]+$/;

/**
 * Most libraries lie where packages put them, under the name that programs ask for: packages replace them there, and no
 * process has to be asked. Those beside that folder are chosen by a link in it (update-alternatives: libblas.so.3), and
 * so are programs (/usr/bin/java); what is loaded by its own name, as plugins are, has no version in it.
 */
function isSettled({ mapping: { path } }: MappedFile, { stat }: Side, view: View): boolean {
  if (!LIBRARIES_FOLDER.test(path)) return false;
  const asked = VERSIONED.exec(path)?.[1];
  if (!SEARCHED_FOLDER.test(path)) return asked === undefined && /\.so$/.test(path);
  if (asked === undefined) return /\.so(?:\.[0-9]+)?$/.test(path);
  const now = find(asked, view);
  return now.kind !== "found" || (now.stat.ino === stat.ino && now.stat.dev === stat.dev);
}

function nameOf(file: MappedFile, task: Task, read: NamesRead): string | null {
  const { path } = file.mapping;
  const isLibrary = /\.so(?:[.-]|$)/.test(path.slice(path.lastIndexOf("/")));
  let names = read.names.get(task);
  if (!names || (isLibrary && names.libraries === null)) {
    names = readNames(task, { libraries: isLibrary, maps: task === file.holders[0] ? file.maps : null });
    read.names.set(task, names);
  }
  if (!isLibrary && isProgram(file, task, read)) return names.program;
  return names.libraries?.get(keyOf(file.mapping.tail)) ?? null;
}

const NO_MAPS = Buffer.alloc(0);
const NONE: LoadedNames = { program: null, libraries: [] };

/** `maps`: what was read of it before, null: it is read now. */
function readNames({ proc }: Task, asked: { readonly libraries: boolean; readonly maps: Buffer | null }): Names {
  const { program, libraries } = loaded(proc, asked.libraries);
  if (!asked.libraries) return { program, libraries: null, isFresh: true };
  const maps = libraries.length === 0 ? NO_MAPS : (asked.maps ?? pathOf(tryMaps(proc)));
  return { program, libraries: byFile(libraries, maps), isFresh: asked.maps === null };
}

function loaded(proc: string, libraries: boolean): LoadedNames {
  try {
    const auxv = readBytes(`${proc}/auxv`);
    return withMemory(proc, (memory) => loadedNames(auxv, memory, { libraries })) ?? NONE;
  } catch (error) {
    codeOf(error); // it ended, or is not ours to read
    return NONE;
  }
}

function tryMaps(proc: string): string {
  try {
    return readProc(`${proc}/maps`);
  } catch (error) {
    codeOf(error); // it ended
    return "";
  }
}

function byFile(libraries: LoadedNames["libraries"], maps: Buffer): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  for (const { name, dynamic } of libraries) {
    const [, end = "", tail = ""] =
      /^[0-9a-f]+-([0-9a-f]+) \S+ \S+ (\S+ [1-9].*)$/.exec(lineBelow(maps, dynamic)) ?? [];
    if (tail !== "" && dynamic < Number.parseInt(end, 16)) names.set(keyOf(tail), name);
  }
  return names;
}

const NEWLINE = 0x0a;

/** The last line of maps whose range begins at or below `address`: ranges ascend, so that the text can be halved. */
function lineBelow(maps: Buffer, address: number): string {
  let found = -1;
  for (let low = 0, high = maps.length; low < high; ) {
    const middle = Math.floor((low + high) / 2);
    const line = middle === 0 ? 0 : maps.lastIndexOf(NEWLINE, middle - 1) + 1;
    if (Number.parseInt(maps.toString("latin1", line, line + 16), 16) <= address) {
      found = line;
      low = endOfLine(maps, middle) + 1;
    } else high = line;
  }
  return found < 0 ? "" : maps.toString("latin1", found, endOfLine(maps, found));
}

function endOfLine(maps: Buffer, from: number): number {
  const end = maps.indexOf(NEWLINE, from);
  return end < 0 ? maps.length : end;
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

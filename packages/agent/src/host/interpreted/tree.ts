import { type BigIntStats, closeSync, opendirSync, readSync } from "node:fs";
import { open, type Side } from "../content.ts";
import type { Place } from "../processes.ts";
import { codeOf, pathOf } from "../read.ts";
import { type Found, find, type View } from "../view.ts";

/** Longest text of a program that is read, and most names of one folder. */
const LONGEST_TEXT = 2 * 1024 * 1024;
const MOST_NAMES = 50_000;

/** A regular file as processes see it, without links. Paths hold one byte per character. */
export interface TreeFile {
  readonly path: string;
  readonly side: Side;
}

/** What all trees of one scan may still read of texts. */
export interface Texts {
  bytes: number;
}

/** The files of the processes of one place: paths begin at their root. Each is looked at once. */
export class Tree {
  /** In front of paths as /proc prints them. */
  readonly root: string;
  readonly view: View;
  readonly #texts: Texts;
  readonly #folders = new Map<string, ReadonlySet<string> | null>();
  readonly #files = new Map<string, TreeFile | null>();
  readonly #read = new Map<(text: string) => unknown, Map<string, unknown>>();

  constructor({ root }: Pick<Place, "root">, view: View, texts: Texts) {
    this.root = root === "/" ? "" : root;
    this.view = view;
    this.#texts = texts;
  }

  /** What a path names, links followed. */
  find(path: string): Found {
    const found = find(this.root + normal(path), this.view);
    return found.kind === "found" ? { ...found, path: this.#inside(found.path) } : found;
  }

  /** The regular file at a path, or null: none is there, or it cannot be reached. */
  file(path: string): TreeFile | null {
    const known = this.#files.get(path);
    if (known !== undefined) return known;
    const found = this.find(path);
    const file = found.kind === "found" && found.stat.isFile() ? this.fileOf(found) : null;
    this.#files.set(path, file);
    return file;
  }

  fileOf({ path, stat }: { readonly path: string; readonly stat: BigIntStats }): TreeFile {
    return { path, side: { path: this.#outside(path), isHandle: false, stat } };
  }

  /** Where /proc says that something is, as the processes see it. */
  inside(printed: string): string {
    return printed.startsWith(`${this.root}/`) || printed === this.root
      ? printed.slice(this.root.length) || "/"
      : printed;
  }

  /** Names in a folder; null: it is none, cannot be read, or holds too many. */
  names(folder: string): ReadonlySet<string> | null {
    const known = this.#folders.get(folder);
    if (known !== undefined) return known;
    const found = this.find(folder);
    const names = found.kind === "found" && found.stat.isDirectory() ? namesIn(this.#outside(found.path)) : null;
    this.#folders.set(folder, names);
    return names;
  }

  /**
   * What `parse` makes of the text of a file, one byte per character, and only once; null where it is too long, or cannot
   * be read. The text itself is not kept.
   */
  parsed<T>({ path, side }: TreeFile, parse: (text: string) => T): T | null {
    const known = this.#read.get(parse) ?? new Map<string, unknown>();
    this.#read.set(parse, known);
    if (!known.has(path)) {
      const length = Number(side.stat.size);
      const text = length <= LONGEST_TEXT && length <= this.#texts.bytes ? textOf(side, length) : null;
      this.#texts.bytes -= text?.length ?? 0;
      known.set(path, text === null ? null : parse(text));
    }
    return known.get(path) as T | null; // what this very `parse` made
  }

  /** `path` of a view, as the processes see it. */
  #inside(path: string): string {
    return this.inside(this.view.above + path);
  }

  #outside(path: string): string {
    return this.view.prefix + (this.root + path).slice(this.view.above.length);
  }
}

function namesIn(path: string): ReadonlySet<string> | null {
  const names = new Set<string>();
  try {
    const folder = opendirSync(pathOf(path), { encoding: "latin1", bufferSize: 256 });
    try {
      for (let entry = folder.readSync(); entry; entry = folder.readSync()) {
        names.add(entry.name);
        if (names.size > MOST_NAMES) return null;
      }
    } finally {
      folder.closeSync();
    }
  } catch (error) {
    codeOf(error);
    return null;
  }
  return names;
}

function textOf(side: Side, length: number): string | null {
  const fd = open(side);
  if (typeof fd !== "number") return null;
  try {
    const bytes = Buffer.alloc(length);
    return bytes.toString("latin1", 0, readSync(fd, bytes, 0, length, 0));
  } catch (error) {
    codeOf(error);
    return null;
  } finally {
    closeSync(fd);
  }
}

/** Without `.`, `..` and empty components. */
export function normal(path: string): string {
  if (!/\/(?:\.{0,2}(?:\/|$))/.test(path)) return path;
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `/${parts.join("/")}`;
}

/** The folder of a path. */
export function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/")) || "/";
}

export function under(folder: string, path: string): string {
  return path.startsWith("/") ? path : `${folder === "/" ? "" : folder}/${path}`;
}

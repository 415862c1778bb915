import { type BigIntStats, closeSync, readdirSync } from "node:fs";
import { open, type Side } from "../content.ts";
import type { Place } from "../processes.ts";
import { codeOf, pathOf, readText } from "../read.ts";
import { type Found, find, type View } from "../view.ts";

/** Longest text of a program that is read. */
const LONGEST_TEXT = 2 * 1024 * 1024;
/** Of a folder itself: tens of thousands of names. */
const LARGEST_FOLDER = 4n * 1024n * 1024n;

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

  /** Names in a folder; null: it is none, cannot be read, or holds tens of thousands. */
  names(folder: string): ReadonlySet<string> | null {
    const known = this.#folders.get(folder);
    if (known !== undefined) return known;
    const found = this.find(folder);
    const isFolder = found.kind === "found" && found.stat.isDirectory() && found.stat.size <= LARGEST_FOLDER;
    const names = isFolder ? namesIn(this.#outside(found.path)) : null;
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
      const text = length <= LONGEST_TEXT && length <= this.#texts.bytes ? textOf(side) : null;
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
  try {
    return new Set(readdirSync(pathOf(path), "latin1"));
  } catch (error) {
    codeOf(error);
    return null;
  }
}

function textOf(side: Side): string | null {
  const fd = open(side);
  if (typeof fd !== "number") return null;
  try {
    return readText(fd, LONGEST_TEXT);
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

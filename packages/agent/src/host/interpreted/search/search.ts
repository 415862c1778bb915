import type { Running } from "../running.ts";
import type { TreeFile } from "../tree.ts";

/** A file that a program consists of. */
export interface ProgramFile extends TreeFile {
  readonly role: "script" | "archive";
  /** What it belongs to, if no package of the system has it: `the distribution requests 2.31.0`. */
  readonly of?: string;
}

/** How the files of a program are found, in one language. Texts are read and never run. */
export interface Search {
  /** What the program begins with. */
  readonly roots: readonly ProgramFile[];
  /** What a file loads, by its text; what is not there is left out. */
  readonly next: (file: ProgramFile) => readonly ProgramFile[];
  /** Files whose own imports are not followed: parts of the language itself, which changes as one. */
  readonly isPartOfLanguage?: (file: ProgramFile) => boolean;
}

/** Null: the file that the program begins with is not where it should be. `script`: it, found and resolved. */
export type Searcher = (running: Running, script: ProgramFile | null) => Search;

export function scripts(files: readonly (TreeFile | null)[]): readonly ProgramFile[] {
  return files.flatMap((file) => (file === null ? [] : [{ ...file, role: "script" as const }]));
}

/** Colon-separated folders of a variable; those that are not absolute are left out. */
export function foldersOf(list: string | null): readonly string[] {
  return (list ?? "").split(":").filter((folder) => folder.startsWith("/"));
}

import { shellImports } from "@afterpatch/core/interpreters/imports/shell";
import { type Searcher, scripts } from "./search.ts";

/** What a script reads with `.` by a literal path. */
export const searchShell: Searcher = ({ tree }, script) => ({
  roots: script === null ? [] : [script],
  next: (file) => scripts((tree.parsed(file, shellImports) ?? []).map((path) => tree.file(path))),
});

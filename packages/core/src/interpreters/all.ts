import { java } from "./program/java.ts";
import { node } from "./program/node.ts";
import { perl } from "./program/perl.ts";
import { php } from "./program/php.ts";
import { python } from "./program/python.ts";
import { ruby } from "./program/ruby.ts";
import { baseName, shell } from "./program/shell.ts";
import type { Interpreter } from "./types.ts";

export const INTERPRETERS: readonly Interpreter[] = [shell, python, perl, ruby, node, php, java];

/** The interpreter that an executable is, by the end of its path; null: it is none. */
export function interpreterOf(executable: string): Interpreter | null {
  const name = baseName(executable);
  return INTERPRETERS.find(({ names }) => names.test(name)) ?? null;
}

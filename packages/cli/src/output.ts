import { access, constants, stat, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { writeFileDurably } from "@afterpatch/wire/credential-files";
import { CommandError, fileReason, usageError } from "@afterpatch/core/command-error";
import { type Paint, plain, type Shell, type Target } from "./shell.ts";

/** One result: a document for programs, and a table of it for people. */
export interface Result {
  readonly document: object;
  /** The same for `-o jsonl`, where a command has that. */
  readonly lines?: readonly object[];
  table(paint: Paint, isWide: boolean): string;
}

/** True when standard output is for a program, and people are told things on standard error. */
export function isForPrograms(target: Target): boolean {
  return target.format === "json" || target.format === "yaml" || target.format === "jsonl";
}

/** Fails when `--out` cannot be written. Called before a command does anything. */
export async function checkTarget(target: Target): Promise<void> {
  if (target.out !== undefined) await checkWritable("--out", target.out);
}

/** The same for a secret: one that is in the file already, and may still be of use, is not lost. */
export async function checkNewTarget({ out }: Target): Promise<void> {
  if (out === undefined) return;
  await checkWritable("--out", out);
  const found = await stat(out).catch(missing);
  if (found?.isFile()) throw usageError("--out", `${out} is there already`, "name another file, or remove that one");
}

/** The same for a file that another option names. */
export async function checkWritable(option: string, path: string): Promise<void> {
  if (path === "") throw usageError(option, "the file has no name", `write ${option} FILE`);
  try {
    const found = await stat(path).catch(missing);
    if (found?.isDirectory()) throw usageError(option, `${path} is a directory`, "name a file");
    await access(found && !found.isFile() ? path : dirname(path), constants.W_OK);
  } catch (error) {
    throw cannotWrite(option, path, error);
  }
}

/** How wide what is shown for people may be; null: it goes to no terminal. */
export function columnsOf(target: Target, shell: Shell): number | null {
  return target.out === undefined && shell.terminal !== null ? shell.terminal.columns() : null;
}

/** Prints a result as `-o` says, to `--out` or standard output. */
export async function emit(result: Result, target: Target, shell: Shell, mode = 0o644): Promise<void> {
  const paint = target.out === undefined ? shell.paint : plain;
  const text = isForPrograms(target)
    ? await serialised(result, target.format)
    : result.table(paint, target.format === "wide");
  if (target.out === undefined) return shell.out(text);
  await writeResult("--out", target.out, text, mode);
  if (shell.terminal !== null) shell.err(`Written to ${target.out}\n`);
}

/** Writes a file that an option names: whole and on the disk, or not at all. A pipe or a device takes what it gets. */
export async function writeResult(option: string, path: string, text: string, mode = 0o644): Promise<void> {
  try {
    const found = await stat(path).catch(missing);
    if (found && !found.isFile()) await writeFile(path, text);
    else await writeFileDurably(path, text, mode);
  } catch (error) {
    throw cannotWrite(option, path, error);
  }
}

async function serialised({ document, lines }: Result, format: Target["format"]): Promise<string> {
  if (format !== "jsonl" || lines === undefined) return serialise(document, format);
  return lines.map((line) => `${JSON.stringify(line)}\n`).join("");
}

export async function serialise(document: object, format: Target["format"]): Promise<string> {
  if (format === "jsonl") return `${JSON.stringify(document)}\n`;
  if (format !== "yaml") return `${JSON.stringify(document, null, 2)}\n`;
  // The default import: a bundle gives a CommonJS module no other.
  const { default: yaml } = await import("yaml");
  return yaml.stringify(document, { aliasDuplicateObjects: false, lineWidth: 0 });
}

function missing(error: unknown): undefined {
  if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
  throw error;
}

function cannotWrite(option: string, path: string, error: unknown): CommandError {
  if (error instanceof CommandError) return error;
  return usageError(
    option,
    `cannot write ${path}: ${fileReason(error)}`,
    "choose a file in a directory you may write to",
  );
}

import { accessSync, chmodSync, constants, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { usageError } from "@afterpatch/core/command-error";

/** Where a result goes: standard output, or a file that is there in full or not at all. */
export interface Target {
  readonly out: string | undefined;
}

/** Fails when `--out` cannot be written. Called before a command does anything. */
export function checkTarget({ out }: Target): void {
  if (out === undefined) return;
  if (out === "") throw usageError("--out", "the file has no name", "write --out FILE");
  try {
    const found = statSync(out, { throwIfNoEntry: false });
    if (found?.isDirectory()) throw usageError("--out", `${out} is a directory`, "name a file");
    accessSync(found && !found.isFile() ? out : dirname(out), constants.W_OK);
  } catch (error) {
    throw cannotWrite(out, error);
  }
}

/** `mode`: of the file, whatever the umask is; undefined: as the umask says. */
export function emit(text: string, { out }: Target, mode?: number): void {
  if (out === undefined) {
    process.stdout.write(text);
    return;
  }
  try {
    const found = statSync(out, { throwIfNoEntry: false });
    if (found && !found.isFile()) writeFileSync(out, text);
    else replaceFile(out, text, mode);
  } catch (error) {
    throw cannotWrite(out, error);
  }
}

/** Whether all that was written to standard output has reached its reader, or why not. */
export function heard(): "heard" | "nobody-reads" | Error {
  const { errored, isTTY } = process.stdout;
  if (!errored) return "heard";
  const code = "code" in errored ? errored.code : "";
  // EIO of a terminal: it was closed, tty_ioctl(4).
  return code === "EPIPE" || (code === "EIO" && isTTY) ? "nobody-reads" : errored;
}

function replaceFile(path: string, text: string, mode: number | undefined): void {
  const next = `${path}.${process.pid}.tmp`;
  try {
    writeFileSync(next, text, { flag: "wx", flush: true });
    if (mode !== undefined) chmodSync(next, mode);
    renameSync(next, path);
  } catch (error) {
    rmSync(next, { force: true });
    throw error;
  }
}

function cannotWrite(path: string, error: unknown): Error {
  if (!(error instanceof Error) || !("code" in error)) return error instanceof Error ? error : new Error(String(error));
  return usageError("--out", `cannot write ${path}: ${error.message}`, "choose a file in a directory you may write to");
}

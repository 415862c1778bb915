import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { REBOOT_METHODS } from "@afterpatch/core/plan/reboot";
import { visible } from "@afterpatch/core/text";
import type { WaitingReboot } from "../../ports.ts";

/** Of /run: a boot forgets it. */
const DIRECTORY = "/run/afterpatch";

/**
 * A reboot that waits, for other programs on this host: `reboot.json` says which. Whoever renames that file first has
 * decided: the agent, to begin it, or a person, to cancel it.
 */
export class WaitingFile {
  readonly #directory: string;
  readonly #waiting: string;
  readonly #claimed: string;
  readonly #cancelled: string;

  constructor(directory = DIRECTORY) {
    this.#directory = directory;
    this.#waiting = join(directory, "reboot.json");
    this.#claimed = join(directory, "reboot.begun.json");
    this.#cancelled = join(directory, "reboot.cancelled.json");
  }

  /** The one that waits. */
  read(): WaitingReboot | null {
    return waitingOf(parsed(this.#waiting));
  }

  /** One was begun, and can no longer be cancelled. */
  isBegun(): boolean {
    return parsed(this.#claimed) !== null;
  }

  announce(waiting: WaitingReboot): void {
    if (parsed(this.#claimed)?.op === waiting.op || this.read()?.op === waiting.op) return;
    // Posted before a crash, and taken away by a person since.
    if (this.cancelled(waiting.op) !== null) return;
    mkdirSync(this.#directory, { recursive: true, mode: 0o755 });
    rmSync(this.#cancelled, { force: true });
    write(this.#waiting, waiting);
  }

  claim(op: string): boolean {
    if (parsed(this.#claimed)?.op === op) return true;
    return this.read()?.op === op && renamed(this.#waiting, this.#claimed);
  }

  /** For a person; `why` may be empty. The one that was cancelled, or null when none waits, or not any more. */
  cancel(by: string, why: string): WaitingReboot | null {
    const waiting = this.read();
    if (waiting === null) return null;
    // First the word, then the deed: whoever misses the file finds the reason.
    const word = { op: waiting.op, by, why };
    const isOurs = this.#say(word);
    const gone = join(this.#directory, "reboot.gone.json");
    if (!renamed(this.#waiting, gone)) {
      // It was begun, or another person was first: then what stands there tells of that person.
      if (parsed(this.#claimed)?.op === waiting.op) rmSync(this.#cancelled, { force: true });
      return null;
    }
    if (!isOurs) write(this.#cancelled, word);
    rmSync(gone, { force: true });
    return waiting;
  }

  /** False: somebody's word about the same reboot is there already. */
  #say(word: Readonly<Record<"op" | "by" | "why", string>>): boolean {
    if (parsed(this.#cancelled)?.op === word.op) return false;
    write(this.#cancelled, word);
    return true;
  }

  cancelled(op: string): string | null {
    const { op: cancelled, by, why } = parsed(this.#cancelled) ?? {};
    if (cancelled !== op || this.read()?.op === op || parsed(this.#claimed)?.op === op) return null;
    const who = typeof by === "string" && by !== "" ? visible(by) : "somebody";
    return `cancelled on the host by ${who}${typeof why === "string" && why !== "" ? `: ${visible(why)}` : ""}`;
  }

  forget(): void {
    for (const file of [this.#waiting, this.#claimed, this.#cancelled]) rmSync(file, { force: true });
  }
}

function waitingOf(value: Readonly<Record<string, unknown>> | null): WaitingReboot | null {
  const { op, dueAt, method, message } = value ?? {};
  const known = REBOOT_METHODS.find((name) => name === method);
  if (typeof op !== "string" || typeof dueAt !== "number" || typeof message !== "string" || !known) return null;
  return { op, dueAt, method: known, message };
}

/** Null where there is none, or nothing that we wrote. */
function parsed(file: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(readFileSync(file, "utf8"));
    return typeof value === "object" && value !== null ? { ...value } : null;
  } catch (error) {
    if (error instanceof SyntaxError || codeOf(error) === "ENOENT") return null;
    throw error;
  }
}

function write(file: string, value: object): void {
  const own = `${file}.${process.pid}.new`; // two people may cancel at once
  writeFileSync(own, `${JSON.stringify(value)}\n`, { mode: 0o644 });
  renameSync(own, file);
}

/** False: the file is not there any more. */
function renamed(from: string, to: string): boolean {
  try {
    renameSync(from, to);
    return true;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return false;
    throw error;
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}

import { EXIT, type ExitCode } from "./exit.ts";
import { abridged, oneLine, visible } from "./text.ts";

/** Longest of each part of an error line, and of a word in it: what is longer was typed or sent by somebody. */
const LONGEST = { what: 160, why: 600, todo: 300, word: 100 };

/** A command cannot go on: what, why, what to do about it, and the exit code (contracts). Knows no program. */
export class CommandError extends Error {
  override readonly name = "CommandError";
  readonly exit: ExitCode;
  readonly what: string;
  readonly why: string;
  /** Null: the help of the command that was typed says it. */
  readonly todo: string | null;
  constructor(exit: ExitCode, what: string, why: string, todo: string | null, options?: ErrorOptions) {
    super(todo === null ? `${what}: ${why}` : `${what}: ${why}; ${todo}`, options);
    this.exit = exit;
    this.what = what;
    this.why = why;
    this.todo = todo;
  }
}

export function usageError(
  what: string,
  why: string,
  todo: string | null = null,
  options?: ErrorOptions,
): CommandError {
  return new CommandError(EXIT.usage, what, why, todo, options);
}

/** Everything that was thrown. */
export function asCommandError(error: unknown): CommandError {
  if (error instanceof CommandError) return error;
  const why = error instanceof Error ? error.message : String(error);
  return new CommandError(EXIT.internal, "internal error", why, "please report it", { cause: error });
}

/** What was thrown while `command` was read or run; it is named as typed, such as `afterpatch rollout start`. */
export function errorIn(command: string, thrown: unknown): CommandError {
  const error = asCommandError(thrown);
  if (error.todo !== null) return error;
  return new CommandError(error.exit, error.what, error.why, `see '${command} --help'`, { cause: error.cause });
}

/** `PROGRAM: WHAT: WHY; WHAT TO DO`, one line of bounded length. */
export function errorLine(program: string, error: CommandError): string {
  const { what, why, todo } = shown(program, error);
  return `${program}: ${what}: ${why}; ${todo}\n`;
}

/** What `-o json` and `-o yaml` print on standard output in place of a result. */
export function errorDocument(program: string, error: CommandError): object {
  return { schema: "afterpatch.error/v1", error: { exitCode: error.exit, ...shown(program, error) } };
}

function shown(program: string, { what, why, todo }: CommandError) {
  const part = (text: string, longest: number) =>
    abridged(
      visible(oneLine(text)).replaceAll(/\S{101,}/g, (word) => abridged(word, LONGEST.word)),
      longest,
    );
  return {
    what: part(what, LONGEST.what),
    why: part(why, LONGEST.why),
    todo: part(todo ?? `see '${program} --help'`, LONGEST.todo),
  };
}

const REASONS: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EDQUOT: "the quota of this user is used up",
  EEXIST: "it is there already",
  EFBIG: "it is too large",
  EISDIR: "it is a directory",
  ELOOP: "too many symbolic links",
  EMFILE: "too many open files",
  ENAMETOOLONG: "the name is too long",
  ENOENT: "it does not exist",
  ENOSPC: "the disk is full",
  ENOTDIR: "a part of the path is not a directory",
  EPERM: "not permitted",
  EROFS: "the file system is read-only",
};

/** Why the system refused a file, in words that name no file: whoever asked knows which. See errno(3). */
export function fileReason(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  const known = typeof code === "string" ? REASONS[code] : undefined;
  return known ?? (error instanceof Error ? error.message : String(error));
}

import { EXIT, type ExitCode } from "@afterpatch/core/exit";
import { visible } from "@afterpatch/core/text";

/** A failure as a person sees it: one line `afterpatch-agent: WHAT: WHY; WHAT TO DO` and an exit code. */
export class CommandError extends Error {
  override readonly name = "CommandError";
  readonly exit: ExitCode;
  readonly what: string;
  readonly why: string;
  readonly todo: string;
  constructor(exit: ExitCode, what: string, why: string, todo: string, options?: ErrorOptions) {
    super(`${what}: ${why}; ${todo}`, options);
    this.exit = exit;
    this.what = what;
    this.why = why;
    this.todo = todo;
  }
}

export function usageError(what: string, why: string, todo = "see 'afterpatch-agent --help'"): CommandError {
  return new CommandError(EXIT.usage, what, why, todo);
}

/** Everything that was thrown, as one line. */
export function asCommandError(error: unknown): CommandError {
  if (error instanceof CommandError) return error;
  const why = error instanceof Error ? error.message : String(error);
  return new CommandError(EXIT.internal, "internal error", why, "please report it", { cause: error });
}

export function errorLine(error: CommandError): string {
  return `afterpatch-agent: ${visible(error.message)}\n`;
}

/** What `-o json` prints on standard output in place of a result. */
export function errorDocument({ exit, what, why, todo }: CommandError): object {
  return {
    schema: "afterpatch.error/v1",
    error: { exitCode: exit, what: visible(what), why: visible(why), todo: visible(todo) },
  };
}

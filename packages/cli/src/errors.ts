import { EXIT, type ExitCode } from "@afterpatch/core/exit";
import { visible } from "@afterpatch/core/text";

/** A failure as an operator sees it: one line `WHAT: WHY; WHAT TO DO` and an exit code. */
export class CliError extends Error {
  override readonly name = "CliError";
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

export function usageError(what: string, why: string, todo = "see 'afterpatch --help'"): CliError {
  return new CliError(EXIT.usage, what, why, todo);
}

/** Everything that was thrown, as one line. */
export function asCliError(error: unknown): CliError {
  if (error instanceof CliError) return error;
  const why = error instanceof Error ? error.message : String(error);
  return new CliError(EXIT.internal, "internal error", why, "please report it", { cause: error });
}

export function errorLine(error: CliError): string {
  return `afterpatch: ${visible(error.message)}\n`;
}

/** What `-o json` and `-o yaml` print on standard output in place of a result. */
export function errorDocument(error: CliError): object {
  const { exit, what, why, todo } = error;
  return {
    schema: "afterpatch.error/v1",
    error: { exitCode: exit, what: visible(what), why: visible(why), todo: visible(todo) },
  };
}

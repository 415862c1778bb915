import * as core from "@afterpatch/core/command-error";

export const PROGRAM = "afterpatch-agent";

/** One line `afterpatch-agent: WHAT: WHY; WHAT TO DO`. */
export function errorLine(error: core.CommandError): string {
  return core.errorLine(PROGRAM, error);
}

/** What `-o json` prints on standard output in place of a result. */
export function errorDocument(error: core.CommandError): object {
  return core.errorDocument(PROGRAM, error);
}

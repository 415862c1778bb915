import { asCommandError, errorLine } from "@afterpatch/core/command-error";
import type { ExitCode } from "@afterpatch/core/exit";
import type { Control } from "./connection.ts";
import { type ReportDocument, reportDocument } from "./documents/report.ts";
import { checkWritable, writeResult } from "./output.ts";
import { junitOf, junitOfError } from "./render/junit.ts";

/** Of every command that shows how a rollout went. */
export const JUNIT = {
  type: "string",
  requiresArg: true,
  describe: "Write how it went to this file, as JUnit XML: a suite per wave, a case per host and remedy",
} as const;

/** Takes the report that the file is to be made of. */
export type Keep = (read: () => Promise<ReportDocument>) => Promise<void>;

/**
 * Does the work and writes `--junit`, whatever came of it: where no rollout can be told of, the file says why. It is checked
 * before anything is done.
 */
export async function withJunit(
  what: string,
  path: string | undefined,
  work: (keep: Keep) => Promise<ExitCode>,
): Promise<ExitCode> {
  if (path === undefined) return work(async () => undefined);
  await checkWritable("--junit", path);
  let report: ReportDocument | null = null;
  const keep: Keep = async (read) => {
    report = await read();
  };
  try {
    const code = await work(keep);
    await writeResult("--junit", path, textOf(what, report));
    return code;
  } catch (error) {
    const text = junitOfError(what, errorLine("afterpatch", asCommandError(error)).trimEnd());
    // What went wrong first is what people are told.
    await writeResult("--junit", path, text).catch(() => undefined);
    throw error;
  }
}

function textOf(what: string, report: ReportDocument | null): string {
  return report === null ? junitOfError(what, "nothing is known of the rollout") : junitOf(report);
}

export async function reportOf(control: Control, id: string): Promise<ReportDocument> {
  return reportDocument(await control.reportRollout(id));
}

import type { AgentFile } from "@afterpatch/core/policy/agent-file";
import { type KeyPath, policyOf } from "@afterpatch/core/policy/from-file";
import type { Policy } from "@afterpatch/core/policy/types";
import { isCron } from "./cron.ts";
import { ConfigError, keyText, type Mistake } from "./error.ts";
import { schemaProblems } from "./schema.ts";
import { type Document, documentOf } from "./yaml.ts";

/** More would help nobody. */
const MOST_MISTAKES = 100;

/** The policy of the text of an agent's file. Throws ConfigError with every mistake, by line, and nothing else. */
export function parseConfig(text: string, file: string): Policy {
  const document = documentOf(text);
  if (document.mistakes.length > 0) throw invalid(file, document.mistakes);
  // A file of comments alone forbids nothing.
  const value = document.value ?? {};
  const problems = schemaProblems(value);
  if (problems.length > 0) throw invalid(file, located(problems, document));
  // The schema describes AgentFile, and a test compares the two.
  const understood = policyOf(value as AgentFile);
  const { report } = understood.policy;
  const cron =
    report?.kind === "cron" && !isCron(report.cron)
      ? [{ path: ["report"], message: `${report.cron} is neither a duration nor a cron expression`, atKey: false }]
      : [];
  const all = [...understood.problems.map((problem) => ({ ...problem, atKey: false })), ...cron];
  if (all.length > 0) throw invalid(file, located(all, document));
  return understood.policy;
}

function located(
  problems: readonly { readonly path: KeyPath; readonly message: string; readonly atKey: boolean }[],
  document: Document,
): readonly Mistake[] {
  return problems.slice(0, 2 * MOST_MISTAKES).map(({ path, message, atKey }) => ({
    line: document.lineOf(path, atKey),
    key: keyText(path),
    what: message,
  }));
}

function invalid(file: string, mistakes: readonly Mistake[]): ConfigError {
  const sorted = mistakes.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0));
  const shown = sorted.slice(0, MOST_MISTAKES);
  const more = sorted.length - shown.length;
  const rest = more > 0 ? [{ line: null, key: "", what: `and ${more} more mistakes` }] : [];
  return new ConfigError(file, [...shown, ...rest]);
}

import { inOrder, type Mistake } from "@afterpatch/config/mistake";
import { schemaProblemsOf } from "@afterpatch/config/schema";
import { documentOf, located } from "@afterpatch/config/yaml";
import type { AgentFile } from "@afterpatch/core/policy/agent-file";
import { policyOf } from "@afterpatch/core/policy/from-file";
import type { Policy } from "@afterpatch/core/policy/types";
import { isCron } from "./cron.ts";
import schema from "../../../../docs/agent.schema.json" with { type: "json" };
import { ConfigError } from "./error.ts";

/** As `parseConfig` throws it: where this module is bundled apart, the class has a copy in each bundle. */
export { ConfigError };

const schemaProblems = schemaProblemsOf(schema, "docs/agent.schema.json");

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
      ? [{ path: ["report"], message: `${report.cron} is neither a duration nor a cron expression` }]
      : [];
  const all = [...understood.problems, ...cron];
  if (all.length > 0) throw invalid(file, located(all, document));
  return understood.policy;
}

function invalid(file: string, mistakes: readonly Mistake[]): ConfigError {
  return new ConfigError(file, inOrder(mistakes));
}

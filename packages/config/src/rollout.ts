import type { KeyPath, Problem } from "@afterpatch/core/file-reader";
import type { RolloutFile } from "@afterpatch/core/rollout-file/file";
import { specOf } from "@afterpatch/core/rollout-file/from-file";
import type { RolloutSpec } from "@afterpatch/core/rollout-file/spec";
import schema from "../../../docs/rollout.schema.json" with { type: "json" };
import { inOrder, type Mistake } from "./mistake.ts";
import { schemaProblemsOf } from "./schema.ts";
import { documentOf, located } from "./yaml.ts";

/** Longest text of a rollout's file, characters: patterns of thousands of hosts fit in. */
export const LONGEST_ROLLOUT_FILE = 1024 * 1024;

const problemsOf = schemaProblemsOf(schema, "docs/rollout.schema.json");

export type ParsedRollout =
  | { readonly kind: "rollout"; readonly spec: RolloutSpec }
  /** By line, at least one. */
  | { readonly kind: "invalid"; readonly mistakes: readonly Mistake[] };

/** The text of a rollout's file, YAML or JSON, understood; or every mistake in it. */
export function parseRollout(text: string): ParsedRollout {
  if (text.length > LONGEST_ROLLOUT_FILE) {
    return invalid([{ line: null, key: "", what: `is longer than ${LONGEST_ROLLOUT_FILE} characters` }]);
  }
  const document = documentOf(text);
  if (document.mistakes.length > 0) return invalid(document.mistakes);
  if (document.value === null) return invalid([{ line: null, key: "", what: "is empty" }]);
  const problems = problemsOf(document.value);
  if (problems.length > 0) return invalid(located([...problems, ...senseBeside(document.value, problems)], document));
  // The schema describes RolloutFile, and a test compares the two.
  const understood = specOf(document.value as RolloutFile);
  if (understood.problems.length > 0) {
    return invalid(located(understood.problems, document));
  }
  return { kind: "rollout", spec: understood.spec };
}

/** Line of a key of such a text, for what is found wrong with its value later. */
export function lineIn(text: string, path: KeyPath): number {
  return documentOf(text).lineOf(path, false);
}

/**
 * What else is wrong in a file that is not of the form: found in what is left of it without the keys whose form is. Nothing
 * where that is none either, and nothing of keys that had to be left out for it.
 */
function senseBeside(value: unknown, wrong: readonly { readonly path: KeyPath }[]): readonly Problem[] {
  const rest: unknown = structuredClone(value);
  const dropped = wrong.map(({ path }) => path.slice(0, path.findLastIndex((part) => typeof part === "string") + 1));
  for (const path of dropped) drop(rest, path);
  if (problemsOf(rest).length > 0) return [];
  const understood = specOf(rest as RolloutFile); // the schema describes it
  const isOfDropped = ({ path }: Problem) => dropped.some((other) => path.every((part, i) => part === other[i]));
  return understood.problems.filter((problem) => !isOfDropped(problem));
}

function drop(value: unknown, [part, ...rest]: KeyPath): void {
  if (part === undefined || typeof value !== "object" || value === null) return;
  if (rest.length > 0) drop(Reflect.get(value, part), rest);
  else if (!Array.isArray(value)) Reflect.deleteProperty(value, part);
}

function invalid(mistakes: readonly Mistake[]): ParsedRollout {
  return { kind: "invalid", mistakes: inOrder(mistakes) };
}

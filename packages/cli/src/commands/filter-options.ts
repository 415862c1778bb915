import { usageError } from "@afterpatch/core/command-error";
import { cveId } from "@afterpatch/core/cve/id";
import { FILTER_REMEDIES, type Filter, FINDING_KINDS, isFilter, NO_FILTER } from "@afterpatch/core/plan/filter";
import type { Actions } from "@afterpatch/core/rollout-file/spec";
import { echoed } from "@afterpatch/core/text";
import type { Argv } from "yargs";

/** Of commands that may be about a part of what runs old code. Each that is given narrows the others. */
export function filterOptions<T>(parser: Argv<T>) {
  return questionOptions(
    parser.option("only", {
      ...LIST,
      choices: FILTER_REMEDIES,
      describe: "Steps of this kind alone",
      default: NO_REMEDIES,
    }),
  );
}

/** Those of them that do not depend on what would be done about it. */
export function questionOptions<T>(parser: Argv<T>) {
  return parser
    .option("kind", { ...LIST, choices: FINDING_KINDS, describe: "What is of this kind alone", default: NO_KINDS })
    .option("package", { ...NAMES, describe: "What runs old code of this package alone: a name or glob" })
    .option("library", { ...NAMES, describe: "Of this file alone: a soname, a path or a glob" })
    .option("unit", { ...NAMES, describe: "Of this unit or service alone: a name or glob" })
    .option("cve", { ...NAMES, describe: "What was fixed for this CVE since, by changelogs: CVE-2026-28387" });
}

const NO_REMEDIES: readonly (typeof FILTER_REMEDIES)[number][] = [];
const NO_KINDS: readonly (typeof FINDING_KINDS)[number][] = [];
const NO_NAMES: readonly string[] = [];
const LIST = { array: true, requiresArg: true } as const;
const NAMES = { ...LIST, type: "string", default: NO_NAMES } as const;

/** Options of `filterOptions` as parsed; undefined in commands that have none of them. */
export interface FilterArgs {
  readonly only?: Filter["only"];
  readonly kind?: Filter["kinds"];
  readonly package?: readonly string[];
  readonly library?: readonly string[];
  readonly unit?: readonly string[];
  readonly cve?: readonly string[];
}

/** `inFile`: what the rollout's file says itself; null without one. What both say is refused. */
export function filterOf(args: FilterArgs, inFile: Actions | null): Filter {
  const given = {
    ...NO_FILTER,
    only: args.only ?? [],
    kinds: args.kind ?? [],
    packages: args.package ?? [],
    libraries: args.library ?? [],
    units: args.unit ?? [],
    cves: (args.cve ?? []).map(cveOf),
  };
  for (const [option, list, key] of [
    ["--only", given.only, "only"],
    ["--package", given.packages, "packages"],
    ["--library", given.libraries, "libraries"],
    ["--unit", given.units, "units"],
    ["--cve", given.cves, "cves"],
  ] as const) {
    if (list.length > 0 && (inFile?.[key] ?? []).length > 0) {
      throw usageError(option, `the file says it (actions.${key})`, "leave one of the two out");
    }
  }
  return given;
}

function cveOf(text: string): string {
  const id = cveId(text);
  if (id !== null) return id;
  throw usageError("--cve", `${echoed(text)} is no CVE id`, "write it like CVE-2026-28387");
}

/** Whether flags or file leave a part out. */
export function isPartial(filter: Filter, inFile: Actions | null): boolean {
  const { only, never, packages, libraries, units, cves } = inFile ?? NO_FILTER;
  return isFilter(filter) || [only ?? [], never, packages, libraries, units, cves].some((list) => list.length > 0);
}

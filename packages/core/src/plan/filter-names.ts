import { globMatcher } from "../fleet/glob.ts";
import { nearest } from "../fleet/nearest.ts";
import { unitMatcher } from "../policy/narrow.ts";
import type { Finding } from "../scan.ts";
import { echoed } from "../text.ts";
import { type Filter, findingFilter, libraryMatcher, oldFiles } from "./filter.ts";

/** What runs old code on some hosts, by the names that a filter may have for it. */
export interface OldNames {
  readonly packages: Set<string>;
  /** Paths. */
  readonly libraries: Set<string>;
  readonly units: Set<string>;
  readonly cves: Set<string>;
  /** Findings with something of which no changelog could tell what was fixed. */
  untold: number;
  /** One finding has all that the filter asks for. */
  isFound: boolean;
}

export function noNames(): OldNames {
  return { packages: new Set(), libraries: new Set(), units: new Set(), cves: new Set(), untold: 0, isFound: false };
}

/** Adds the names of one host's findings. */
export function addNames(names: OldNames, findings: readonly Finding[], filter: Filter): void {
  const isOfFilter = findingFilter(filter);
  for (const finding of findings) {
    if (finding.verdict === "unknown" || finding.verdict === "identical") continue;
    names.units.add(finding.owner.name);
    if (finding.remedy.kind !== "none") names.units.add(finding.remedy.target);
    const files = oldFiles(finding);
    if (files.some(({ cves }) => cves === null)) names.untold += 1;
    for (const file of files) {
      for (const id of file.cves ?? []) names.cves.add(id);
      names.libraries.add(file.path);
      if (file.package) names.packages.add(file.package.name);
    }
    names.isFound ||= isOfFilter(finding);
  }
}

/** Why a filter is one that nothing can come of, with the names that are nearest; or null. A mistake in a name is no "nothing to do". */
export function whyNothing(names: OldNames, filter: Filter): string | null {
  const terms = [
    ...filter.packages.map((term) => wrong("package", term, globMatcher(term), names.packages)),
    ...filter.libraries.map((term) => {
      const looks = term.includes("/") ? names.libraries : new Set([...names.libraries].map(fileName));
      return wrong("library", term, libraryMatcher(term), names.libraries, looks);
    }),
    ...filter.units.map((term) => {
      const looks = term.endsWith(".service") ? names.units : new Set([...names.units].map(bare));
      return wrong("unit", term, unitMatcher(term), names.units, looks);
    }),
  ];
  terms.push(...filter.cves.map((id) => (names.cves.has(id) ? null : notNamed(id, names.untold))));
  const [first, ...more] = terms.filter((term) => term !== null);
  if (first !== undefined) return more.length === 0 ? first : `${first} (and ${more.length} more)`;
  const isNamed = terms.length > 0;
  return isNamed && !names.isFound ? "each name matches something, and nothing is of all of them" : null;
}

function notNamed(id: string, untold: number): string {
  const open = untold > 0 ? ` (of ${untold} more nobody can tell)` : "";
  return `nothing that runs old code was fixed for ${id}, by the changelogs of its packages${open}`;
}

function wrong(
  what: string,
  term: string,
  matches: (name: string) => boolean,
  names: ReadonlySet<string>,
  looks: ReadonlySet<string> = names,
): string | null {
  if ([...names].some(matches)) return null;
  const near = nearest(term, looks).map(echoed);
  return `no ${what} that runs old code matches ${echoed(term)}${near.length > 0 ? ` (nearest: ${near.join(", ")})` : ""}`;
}

function bare(unit: string): string {
  return unit.replace(/\.service$/, "");
}

function fileName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

import { cveId } from "@afterpatch/core/cve/id";
import { type Filter, FILTER_REMEDIES, FINDING_KINDS, NO_FILTER } from "@afterpatch/core/plan/filter";
import type { pb } from "../messages.ts";

type WireFilter = ReturnType<typeof pb.v1.Filter.decode>;

/** A word of a filter that is none, or too many of them. The text names it. */
export class FilterError extends Error {
  override readonly name = "FilterError";
}

/** More names than anybody types; each is held against every finding of the fleet. */
const MOST_TERMS = 100;
/** Longer than any path. */
const LONGEST_TERM = 4096;

export function filterToWire({ only, packages, libraries, units, kinds, cves, restarts }: Filter): WireFilter {
  const lists = { only, packages, libraries, units, kinds };
  return {
    only: [...lists.only],
    packages: [...lists.packages],
    libraries: [...lists.libraries],
    units: [...lists.units],
    kinds: [...lists.kinds],
    restarts: [...restarts],
    cves: [...cves],
  };
}

/** What is absent is everything. Throws FilterError: an unknown word is refused, never guessed. */
export function filterFromWire(filter: WireFilter | null | undefined): Filter {
  if (!filter) return NO_FILTER;
  const terms = [...filter.packages, ...filter.libraries, ...filter.units, ...filter.restarts, ...filter.cves];
  if (terms.length > MOST_TERMS) throw new FilterError(`at most ${MOST_TERMS} names`);
  if (terms.some((term) => term === "" || term.length > LONGEST_TERM)) {
    throw new FilterError(`a name has from 1 to ${LONGEST_TERM} characters`);
  }
  return {
    ...NO_FILTER,
    only: filter.only.map((word) => known(FILTER_REMEDIES, word, "remedy")),
    kinds: filter.kinds.map((word) => known(FINDING_KINDS, word, "kind")),
    packages: filter.packages,
    libraries: filter.libraries,
    units: filter.units,
    restarts: filter.restarts,
    cves: filter.cves.map(idOf),
  };
}

function idOf(text: string): string {
  const id = cveId(text);
  if (id !== null) return id;
  throw new FilterError(`${JSON.stringify(text.slice(0, 40))} is no CVE id`);
}

function known<T extends string>(words: readonly T[], word: string, what: string): T {
  const found = words.find((each) => each === word);
  if (found !== undefined) return found;
  throw new FilterError(`${JSON.stringify(word.slice(0, 40))} is no ${what}`);
}

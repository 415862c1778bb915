// Ansible's pattern grammar over host names, groups and labels:
//   pattern := term { sep term }     sep := "," | ":"
//   term    := [ "&" | "!" ] expr [ subscript ]
//   expr    := name | glob | group | key=value | key=glob | name[a:b] | ~regex | @nodeset:set
// Where a comma stands, only commas separate. All unions first, then all "&", then all "!", however they were written.
import { echoed } from "../text.ts";
import { isGlob } from "./glob.ts";
import { withoutRanges } from "./ranges.ts";
import { candidates, matchTerm, type NothingMatched, type Roster, rosterOf, type TermResult } from "./term.ts";

export interface Selectable {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly groups?: readonly string[];
}

/** A term that matches nothing, with up to three names that look like it. */
export interface Unmatched {
  readonly term: string;
  readonly nearest: readonly string[];
}

export type Selection<H> =
  /** In the order in which the terms named them, each once. */
  { readonly kind: "selected"; readonly hosts: readonly H[] } | NothingSelected;

export type NothingSelected =
  /** Every term matched something, and together they leave nothing; or there are no hosts at all. */
  | { readonly kind: "empty"; readonly why: string }
  | { readonly kind: "unmatched"; readonly terms: readonly Unmatched[] }
  | { readonly kind: "invalid"; readonly why: string };

const MAX_LENGTH = 1_000_000;
/** Longer than any name, label or range that anybody writes. */
const MAX_TERM_LENGTH = 1_000;
const MAX_GLOBS = 1_000;
const MAX_REGEXES = 20;

/** The hosts that `pattern` names. A term that matches nothing is never passed over. */
export function select<H extends Selectable>(pattern: string, fleet: readonly H[]): Selection<H> {
  return selectIn(pattern, rosterOf(fleet));
}

/** The hosts of a roster that was made of something else, such as an inventory, narrowed by each of `limits`. */
export function selectIn<H>(pattern: string, roster: Roster<H>, limits: readonly string[] = []): Selection<H> {
  const regexes = [pattern, ...limits].flatMap(splitPattern).filter((term) => /^[&!]?\s*~/.test(term));
  if (regexes.length > MAX_REGEXES) return { kind: "invalid", why: `more than ${MAX_REGEXES} regular expressions` };
  let selection = selectAll(pattern, roster);
  for (const limit of limits) {
    if (selection.kind !== "selected") return selection;
    const within = selectAll(limit, roster);
    if (within.kind !== "selected") return within;
    const keep = new Set(within.hosts);
    const hosts = selection.hosts.filter((host) => keep.has(host));
    selection = hosts.length > 0 ? { kind: "selected", hosts } : { kind: "empty", why: NOTHING_WITHIN };
  }
  return selection;
}

const NOTHING_WITHIN = "none of its hosts is within the limit";

function selectAll<H>(pattern: string, roster: Roster<H>): Selection<H> {
  const fleet = roster.groups.get("all") ?? [];
  if (pattern.length > MAX_LENGTH)
    return { kind: "invalid", why: `the pattern is longer than ${MAX_LENGTH} characters` };
  const terms = splitPattern(pattern);
  const long = terms.find((term) => term.length > MAX_TERM_LENGTH);
  if (long !== undefined)
    return { kind: "invalid", why: `a term of it is longer than ${MAX_TERM_LENGTH} characters: ${echoed(long)}` };
  if (terms.length === 0) return { kind: "invalid", why: "the pattern is empty; write 'all' for every host" };
  if (fleet.length === 0) return { kind: "empty", why: "there are no hosts yet" };
  if (terms.filter((term) => isGlob(withoutRanges(term))).length > MAX_GLOBS)
    return { kind: "invalid", why: `more than ${MAX_GLOBS} globs` };
  const unmatched: NothingMatched[] = [];
  const parts: { readonly sign: Sign; readonly hosts: readonly H[] }[] = [];
  for (const text of terms) {
    const { sign, expression } = signOf(text);
    const result: TermResult<H> = matchTerm(expression, roster);
    if (result.kind === "invalid") return result;
    if (result.kind === "unmatched") unmatched.push(result);
    else parts.push({ sign, hosts: result.hosts });
  }
  if (unmatched.length > 0) return { kind: "unmatched", terms: withNearest(unmatched, roster) };
  return combine(parts, fleet);
}

type Sign = "union" | "intersect" | "exclude";

function signOf(term: string): { readonly sign: Sign; readonly expression: string } {
  if (term.startsWith("&")) return { sign: "intersect", expression: term.slice(1).trim() };
  if (term.startsWith("!")) return { sign: "exclude", expression: term.slice(1).trim() };
  return { sign: "union", expression: term };
}

function combine<H>(
  parts: readonly { readonly sign: Sign; readonly hosts: readonly H[] }[],
  fleet: readonly H[],
): Selection<H> {
  const of = (sign: Sign) => parts.filter((part) => part.sign === sign);
  const unions = of("union");
  let hosts: readonly H[] = unions.length > 0 ? [...new Set(unions.flatMap((part) => part.hosts))] : fleet;
  for (const part of of("intersect")) {
    const keep = new Set(part.hosts);
    hosts = hosts.filter((host) => keep.has(host));
  }
  const excluded = new Set(of("exclude").flatMap((part) => part.hosts));
  hosts = hosts.filter((host) => !excluded.has(host));
  if (hosts.length > 0) return { kind: "selected", hosts };
  return { kind: "empty", why: "every term matches hosts, but no host is in all of what remains after '&' and '!'" };
}

/** Terms as written, trimmed, empty ones dropped. Commas and colons inside a set of ClusterShell do not separate. */
export function splitPattern(pattern: string): readonly string[] {
  if (pattern.includes(PLACE)) return splitPlain(pattern);
  const sets: string[] = [];
  const plain = pattern.replaceAll(SET, (_all, before: string, set: string) => {
    sets.push(set);
    return `${before}${PLACE}`;
  });
  return splitPlain(plain).map((term) => term.replace(PLACE, () => sets.shift() ?? ""));
}

const SET = /(^|[,:&!]\s*)(@nodeset:(?:[^\s,:[\]]|\[[^\][]*\])*)/g;
/** No pattern has it: control characters are in no name. */
const PLACE = "\u0000";

function splitPlain(pattern: string): readonly string[] {
  const parts = pattern.includes(",")
    ? pattern.split(",")
    : isAddress(pattern.trim())
      ? [pattern]
      : splitAtColons(pattern);
  return parts.map((part) => part.trim()).filter((part) => part !== "");
}

function splitAtColons(pattern: string): readonly string[] {
  const parts: string[] = [];
  let start = 0;
  let end = 0;
  const lastClose = pattern.lastIndexOf("]");
  while (end < pattern.length) {
    if (pattern.charAt(end) === "[") {
      if (end < lastClose) end = pattern.indexOf("]", end);
    } else if (pattern.charAt(end) === ":") {
      parts.push(pattern.slice(start, end));
      start = end + 1;
    }
    end++;
  }
  return [...parts, pattern.slice(start)];
}

/** An IPv6 address, which may follow `&` or `!`: eight groups, or fewer with one `::`. */
function isAddress(text: string): boolean {
  // The last two groups may be an IPv4 address.
  const halves = text
    .replace(/^[&!]/, "")
    .replace(/(?<=:)\d{1,3}(?:\.\d{1,3}){3}$/, "0:0")
    .split("::");
  const groups = halves.flatMap((half) => (half === "" ? [] : half.split(":")));
  if (!groups.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group))) return false;
  return halves.length === 1 ? groups.length === 8 : halves.length === 2 && groups.length <= 7;
}

function withNearest<H>(unmatched: readonly NothingMatched[], roster: Roster<H>): readonly Unmatched[] {
  // Looking through the whole fleet is for people; beyond a screenful of wrong terms it would only take time.
  return unmatched.map(({ term, looksLike }, index) => ({
    term,
    nearest: index < 10 ? candidates(looksLike, roster) : [],
  }));
}

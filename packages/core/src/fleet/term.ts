import { echoed } from "../text.ts";
import { closing, globMatcher, isGlob } from "./glob.ts";
import { nearest } from "./nearest.ts";
import { NODESET, unfoldNodeset } from "./nodeset.ts";
import { foldHosts, hasRange, type Unfolded, unfoldName, withoutRanges } from "./ranges.ts";
import { regexOf } from "./regex.ts";
import type { Selectable } from "./select.ts";

/** The fleet as the terms of a pattern see it. */
export interface Roster<H> {
  readonly hosts: ReadonlyMap<string, H>;
  /** With the implied group `all`. In the order in which the fleet's hosts name them. */
  readonly groups: ReadonlyMap<string, readonly H[]>;
  /** By `key`, then by value. */
  readonly labels: ReadonlyMap<string, ReadonlyMap<string, readonly H[]>>;
}

export type TermResult<H> =
  | { readonly kind: "matched"; readonly hosts: readonly H[] }
  | NothingMatched
  | { readonly kind: "invalid"; readonly why: string };

export interface NothingMatched {
  readonly kind: "unmatched";
  readonly term: string;
  /** The part of the term that names something: what to compare with existing names. */
  readonly looksLike: string;
}

const SUBSCRIPT = /^(.+)\[(?:(-?[0-9]{1,9})|(-?[0-9]{1,15}):([0-9]{0,15}))\]$/;

export function rosterOf<H extends Selectable>(fleet: readonly H[]): Roster<H> {
  const hosts = new Map<string, H>();
  const groups = new Map<string, H[]>([["all", [...fleet]]]);
  const labels = new Map<string, Map<string, H[]>>();
  for (const host of fleet) {
    hosts.set(host.name, host);
    for (const group of new Set(host.groups ?? [])) if (group !== "all") append(groups, group, host);
    for (const [key, value] of Object.entries(host.labels)) {
      const values = labels.get(key) ?? new Map<string, H[]>();
      labels.set(key, values);
      append(values, value, host);
    }
  }
  return { hosts, groups, labels };
}

/** Groups, hosts and labels that look like `typed`. */
export function candidates<H>(typed: string, roster: Roster<H>): readonly string[] {
  const names = function* () {
    yield* roster.groups.keys();
    yield* roster.hosts.keys();
    for (const [key, values] of roster.labels) for (const value of values.keys()) yield `${key}=${value}`;
  };
  return nearest(typed.slice(0, 100), names());
}

/** The hosts that one term without its `&` or `!` names. */
export function matchTerm<H>(term: string, roster: Roster<H>): TermResult<H> {
  if (term.startsWith("~")) return matchRegex(term, roster);
  if (term.startsWith(NODESET)) return matchNodeset(term, roster);
  const refused = refuse(term);
  if (refused !== undefined) return { kind: "invalid", why: refused };
  const whole = [...(roster.groups.get(term) ?? [])];
  const host = roster.hosts.get(term);
  // Ansible asks hosts only when no group matched, or the name has a dot (or is a glob).
  if (host !== undefined && (whole.length === 0 || term.includes("."))) whole.push(host);
  if (whole.length > 0) return { kind: "matched", hosts: whole };
  const subscript = SUBSCRIPT.exec(term);
  if (subscript) return matchSubscript(term, subscript, roster);
  return matchUnsubscripted(term, roster);
}

function refuse(term: string): string | undefined {
  if (term === "") return "a '&' or '!' has no name behind it";
  if (/^[&!]/.test(term)) return `${echoed(term)} has more than one sign; write one '&' or '!' before a name`;
  if (term.startsWith("@"))
    return `${echoed(term)}: a file of terms is for --limit; sets of ClusterShell are @nodeset:web[1-5]`;
  if (term.includes("!="))
    return `${echoed(term)}: to leave hosts out, put the '!' first: ${echoed(`!${term.replace("!=", "=")}`)}`;
  return refuseBrackets(term);
}

/** No name and no label has a bracket: one without its other half is a typing error, and matches nothing. */
function refuseBrackets(term: string): string | undefined {
  const lastClose = term.lastIndexOf("]");
  for (let at = 0; at < term.length; at++) {
    if (term.charAt(at) === "]") return `${echoed(term)}: the ']' at character ${at + 1} closes nothing`;
    if (term.charAt(at) !== "[") continue;
    const close = at < lastClose ? closing(term, at) : -1;
    if (close < 0) return `${echoed(term)}: the '[' at character ${at + 1} is never closed; write web[01:50] or web[0]`;
    at = close;
  }
  return undefined;
}

function matchUnsubscripted<H>(term: string, roster: Roster<H>): TermResult<H> {
  if (term.includes("=")) return matched(term, ofLabel(term, roster));
  if (hasRange(term)) return matchRange(term, roster);
  if (isGlob(term)) return matchGlob(term, roster);
  const host = roster.hosts.get(term);
  return matched(term, roster.groups.get(term) ?? (host === undefined ? [] : [host]));
}

function matchSubscript<H>(term: string, parts: RegExpExecArray, roster: Roster<H>): TermResult<H> {
  const [, base = "", index, begin = "", end = ""] = parts;
  const isSlice = index === undefined;
  const isNamed = base.includes("=") || roster.groups.has(base) || isGlob(withoutRanges(base));
  // No group of that name: `web[01:50]` is a range of hosts.
  if (isSlice && !isNamed && end !== "") return matchRange(term, roster);
  if (begin.startsWith("-"))
    return { kind: "invalid", why: `${echoed(term)}: a slice counts from 0, its begin cannot be negative` };
  const result = matchUnsubscripted(base, roster);
  if (result.kind !== "matched")
    return result.kind === "invalid" ? result : { kind: "unmatched", term, looksLike: base };
  if (!isSlice) {
    const host = result.hosts.at(Number(index));
    return matched(term, host === undefined ? [] : [host], base);
  }
  if (end !== "" && Number(end) < Number(begin)) return { kind: "invalid", why: `${echoed(term)} runs backwards` };
  return matched(term, result.hosts.slice(Number(begin), end === "" ? undefined : Number(end) + 1), base);
}

/** As Ansible: groups and hosts whose names begin so. A bracket behind it belongs to it. */
function matchRegex<H>(term: string, roster: Roster<H>): TermResult<H> {
  const regex = regexOf(term.slice(1));
  if (regex.kind === "invalid") return { kind: "invalid", why: `${echoed(term)}: ${regex.why}` };
  const hosts = matching(regex.matches, roster);
  if (regex.isSpent())
    return { kind: "invalid", why: `${echoed(term)}: takes too long over so many names; use a glob` };
  return matched(term, hosts);
}

/** Members of groups, then hosts, whose names match. We differ from Ansible on purpose: none means the implied group `all`. */
function matching<H>(matches: (name: string) => boolean, { groups, hosts }: Roster<H>): readonly H[] {
  const found = new Set<H>();
  for (const [name, members] of groups)
    if (name !== "all" && matches(name)) for (const host of members) found.add(host);
  for (const [name, host] of hosts) if (matches(name)) found.add(host);
  return [...found];
}

function matchNodeset<H>(term: string, roster: Roster<H>): TermResult<H> {
  return matchNames(term, unfoldNodeset(term.slice(NODESET.length)), roster);
}

function matchRange<H>(term: string, roster: Roster<H>): TermResult<H> {
  if (isGlob(withoutRanges(term)))
    return { kind: "invalid", why: `${echoed(term)} mixes a range and a glob; use one of them` };
  return matchNames(term, unfoldName(term), roster);
}

function matchNames<H>(term: string, unfolded: Unfolded, roster: Roster<H>): TermResult<H> {
  if (unfolded.kind === "invalid") return { kind: "invalid", why: `${echoed(term)}: ${unfolded.why}` };
  const missing = unfolded.names.filter((name) => !roster.hosts.has(name));
  const [first] = missing;
  if (first !== undefined) {
    return { kind: "unmatched", term: foldHosts(missing, new Set(roster.groups.keys())), looksLike: first };
  }
  return matched(
    term,
    unfolded.names.flatMap((name) => roster.hosts.get(name) ?? []),
  );
}

function matchGlob<H>(term: string, roster: Roster<H>): TermResult<H> {
  const classOnGroup = /^(.+)\[[0-9]+-[0-9]*\]$/.exec(term)?.[1];
  if (classOnGroup !== undefined && roster.groups.has(classOnGroup)) {
    return {
      kind: "invalid",
      why: `${echoed(term)}: the first and last of a group are written with a colon, ${echoed(`${classOnGroup}[0:9]`)}`,
    };
  }
  return matched(term, matching(globMatcher(term), roster));
}

function ofLabel<H>(term: string, roster: Roster<H>): readonly H[] {
  const key = term.slice(0, term.indexOf("="));
  const value = term.slice(key.length + 1);
  const values = roster.labels.get(key);
  if (!values) return [];
  const exact = values.get(value);
  if (exact || !isGlob(value)) return exact ?? [];
  const matches = globMatcher(value);
  const found = new Set([...values].flatMap(([name, members]) => (matches(name) ? members : [])));
  return (roster.groups.get("all") ?? []).filter((host) => found.has(host));
}

function matched<H>(term: string, hosts: readonly H[], looksLike: string = term): TermResult<H> {
  return hosts.length > 0 ? { kind: "matched", hosts } : { kind: "unmatched", term, looksLike };
}

function append<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const values = map.get(key);
  if (values) values.push(value);
  else map.set(key, [value]);
}

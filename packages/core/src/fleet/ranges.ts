// Sets of hosts in Ansible's range form: `web[01:50]`, both ends included, zero padding kept.
import { abridged } from "../text.ts";

export type Unfolded =
  | { readonly kind: "names"; readonly names: readonly string[] }
  | { readonly kind: "invalid"; readonly why: string };

/** A range may not stand for more names than this. */
const MAX_NAMES = 100_000;
const LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
const RANGE = /\[([0-9]*|[a-zA-Z]):([0-9]+|[a-zA-Z])(?::([0-9]+))?\]/;

/**
 * Names as `web[01:50],db1`, sorted. `groups` are the fleet's group names: `web[0:1]` would be a subscript of a group
 * `web`, so there the range is written with its step: `web[0:1:1]`.
 */
export function foldHosts(names: Iterable<string>, groups: ReadonlySet<string> = new Set()): string {
  let left = [...new Set(names)].map(splitDigits);
  const folded: string[][] = [];
  const runs = left.reduce((most, parts) => Math.max(most, (parts.length - 1) / 2), 0);
  // From the last number of a name to the first: `rack1-node[1:8]` before `rack[1:8]-node1`.
  for (let fromEnd = 1; fromEnd <= runs; fromEnd++) {
    const pass = foldAt(left, fromEnd, groups);
    folded.push(...pass.folded);
    left = pass.left;
  }
  const all = [...folded, ...left];
  return all
    .sort(naturally)
    .map((parts) => parts.join(""))
    .join(",");
}

/** All names of `web[01:50],db1`: commas outside brackets separate. */
export function unfold(text: string): Unfolded {
  const names: string[] = [];
  for (const part of text.split(",")) {
    const term = part.trim();
    if (term === "") continue;
    const unfolded = unfoldName(term);
    if (unfolded.kind === "invalid") return unfolded;
    if (names.length + unfolded.names.length > MAX_NAMES) return tooMany(text);
    for (const name of unfolded.names) names.push(name);
  }
  return { kind: "names", names: [...new Set(names)] };
}

/** True for text with at least one `[a:b]` or `[a:b:step]`. */
export function hasRange(name: string): boolean {
  return RANGE.test(name);
}

/** The text around the ranges. */
export function withoutRanges(name: string): string {
  return name.replaceAll(new RegExp(RANGE, "g"), "");
}

/** The names that one `web[01:50]-[a:c]` stands for, left to right; the name itself when it has no range. */
export function unfoldName(name: string): Unfolded {
  let names = [""];
  let rest = name;
  for (let match = RANGE.exec(rest); match; match = RANGE.exec(rest)) {
    const range = members(match[0], match[1] ?? "", match[2] ?? "", match[3] ?? "1");
    if (range.kind === "invalid") return range;
    if (names.length * range.names.length > MAX_NAMES) return tooMany(name);
    const before = rest.slice(0, match.index);
    names = names.flatMap((start) => range.names.map((member) => start + before + member));
    rest = rest.slice(match.index + match[0].length);
  }
  return { kind: "names", names: names.map((start) => start + rest) };
}

function members(text: string, begin: string, end: string, stepText: string): Unfolded {
  const range = abridged(text, 40);
  const step = Number(stepText);
  if (step === 0) return invalid(`the step of ${range} is 0`);
  const isNumeric = /^[0-9]+$/.test(end);
  if (isNumeric !== /^[0-9]*$/.test(begin)) return invalid(`${range} mixes a number and a letter`);
  const width = begin.length > 1 && begin.startsWith("0") ? begin.length : 0;
  if (width > 0 && end.length !== width) return invalid(`both ends of ${range} need the same number of digits`);
  const first = isNumeric ? Number(begin) : LETTERS.indexOf(begin);
  const last = isNumeric ? Number(end) : LETTERS.indexOf(end);
  if (first > last) return invalid(`${range} runs backwards`);
  if (!Number.isSafeInteger(last) || (last - first) / step >= MAX_NAMES) return tooMany(range);
  const names: string[] = [];
  for (let value = first; value <= last; value += step) {
    names.push(isNumeric ? String(value).padStart(width, "0") : LETTERS.charAt(value));
  }
  return { kind: "names", names };
}

function invalid(why: string): Unfolded {
  return { kind: "invalid", why };
}

function tooMany(range: string): Unfolded {
  return invalid(`${abridged(range, 80)} stands for more than ${MAX_NAMES} names`);
}

/** Text and digit runs in turn, text first: `web01.a` is `["web", "01", ".a"]`. */
function splitDigits(name: string): string[] {
  return name.split(/([0-9]+)/);
}

/** Folds the run of digits that is number `fromEnd` from the end, where at least two names follow one another. */
function foldAt(all: readonly string[][], fromEnd: number, groups: ReadonlySet<string>) {
  const folded: string[][] = [];
  const left: string[][] = [];
  const bySkeleton = new Map<string, Map<string, string[]>>();
  for (const parts of all) {
    const at = parts.length - 2 * fromEnd;
    const digits = parts[at];
    if (at < 1 || digits === undefined || digits.length > 15) {
      left.push(parts);
      continue;
    }
    const skeleton = JSON.stringify([parts.slice(0, at).join(""), parts.slice(at + 1).join("")]);
    const values = bySkeleton.get(skeleton) ?? new Map<string, string[]>();
    bySkeleton.set(skeleton, values.set(digits, parts));
  }
  for (const values of bySkeleton.values()) {
    for (const run of consecutive(values)) {
      const first = run.at(0);
      const last = run.at(-1);
      if (run.length < 2 || !first || !last) left.push(...run);
      else folded.push(withRange(first, last, first.length - 2 * fromEnd, groups));
    }
  }
  return { folded, left };
}

function withRange(
  first: readonly string[],
  last: readonly string[],
  at: number,
  groups: ReadonlySet<string>,
): string[] {
  const before = first.slice(0, at);
  const after = first.slice(at + 1);
  const isSubscript = after.join("") === "" && groups.has(before.join(""));
  return [...before, `[${first[at]}:${last[at]}${isSubscript ? ":1" : ""}]`, ...after];
}

/** Runs of numbers without a gap. `09` is followed by `10`, `9` by `10`, and neither by the other's form. */
function consecutive(values: ReadonlyMap<string, string[]>): string[][][] {
  const left = new Map(values);
  const runs: string[][][] = [];
  const starts = [...values.keys()].sort((a, b) => Number(a) - Number(b) || b.length - a.length);
  for (const start of starts) {
    const run: string[][] = [];
    const width = start.length > 1 && start.startsWith("0") ? start.length : 0;
    let value = start;
    for (let parts = left.get(value); parts; parts = left.get(value)) {
      run.push(parts);
      left.delete(value);
      value = String(Number(value) + 1).padStart(width, "0");
      if (width > 0 && value.length > width) break;
    }
    if (run.length > 0) runs.push(run);
  }
  return runs;
}

/** Numbers by value, the rest by code unit, so that the order does not depend on a locale. */
function naturally(a: readonly string[], b: readonly string[]): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const [x = "", y = ""] = [a[i], b[i]];
    if (x === y) continue;
    if (i % 2 === 1) return numberIn(x) - numberIn(y) || (x < y ? -1 : 1);
    return x < y ? -1 : 1;
  }
  return a.length - b.length;
}

function numberIn(digitsOrRange: string): number {
  return Number(/[0-9]+/.exec(digitsOrRange)?.[0] ?? 0);
}

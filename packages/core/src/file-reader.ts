import { formatDuration, parseDuration } from "./duration.ts";
import { WEEKDAYS, type WindowInFile } from "./policy/agent-file.ts";
import type { Window } from "./policy/types.ts";
import { isTimeZone } from "./policy/zone.ts";

/** Where in the file, from the top. */
export type KeyPath = readonly (string | number)[];

export interface Problem {
  readonly path: KeyPath;
  /** What is wrong there, without the place. */
  readonly message: string;
}

export type Range = readonly [leastMs: number, mostMs: number];

const WINDOW: Range = [60_000, 7 * 86_400_000];

/** Understands values of a file that has the form of its schema, and collects what a schema cannot say. */
export class FileReader {
  readonly #problems: Problem[];

  constructor(problems: Problem[]) {
    this.#problems = problems;
  }

  wrong(path: KeyPath, message: string): void {
    this.#problems.push({ path, message });
  }

  duration(text: string | undefined, path: KeyPath, [least, most]: Range, standard: number): number {
    if (text === undefined) return standard;
    try {
      const ms = parseDuration(text);
      if (ms >= least && ms <= most) return ms;
      this.wrong(path, `${text} is not between ${formatDuration(least)} and ${formatDuration(most)}`);
    } catch (error) {
      this.wrong(path, error instanceof Error ? error.message : String(error));
    }
    return standard;
  }

  globs(globs: readonly string[] | undefined, path: KeyPath): readonly string[] {
    for (const [index, glob] of (globs ?? []).entries()) this.glob(glob, [...path, index]);
    return globs ?? [];
  }

  glob(glob: string, path: KeyPath): void {
    const trimmed = glob.trim();
    if (trimmed !== glob || trimmed === "") this.wrong(path, "has blanks around it, so it would match nothing");
    else if (isUnclosed(glob)) this.wrong(path, `${glob} has a [ that no ] closes, so it would match nothing`);
  }

  window({ days, start, duration, tz = "UTC" }: WindowInFile, path: KeyPath): Window {
    if (!isTimeZone(tz)) this.wrong([...path, "tz"], `${tz} is not a time zone; write one like Europe/Paris or UTC`);
    const [hours, minutes] = start.split(":");
    return {
      days: days ?? WEEKDAYS,
      startMinute: Number(hours) * 60 + Number(minutes),
      durationMs: this.duration(duration, [...path, "duration"], WINDOW, 0),
      tz,
    };
  }

  distinct(lists: readonly (readonly [readonly { readonly name: string }[], KeyPath])[], what: string): void {
    const seen = new Set<string>();
    for (const [list, path] of lists) {
      for (const [index, { name }] of list.entries()) {
        if (seen.has(name)) this.wrong([...path, index, "name"], `${name} is the name of ${what} already`);
        seen.add(name);
      }
    }
  }
}

function isUnclosed(glob: string): boolean {
  const open = glob.indexOf("[");
  if (open < 0) return false;
  // A ] in first place is a member of the set, see fleet/glob.ts.
  const first = glob.charAt(open + 1) === "!" ? open + 2 : open + 1;
  const close = glob.indexOf("]", first + 1);
  return close < 0 || isUnclosed(glob.slice(close + 1));
}

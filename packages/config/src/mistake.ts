import type { KeyPath } from "@afterpatch/core/file-reader";
import { visible } from "@afterpatch/core/text";

/** One mistake in a file. */
export interface Mistake {
  /** From 1; null where it is about the file as a whole. */
  readonly line: number | null;
  /** `units.protected[0]`; empty where no key is meant. */
  readonly key: string;
  readonly what: string;
}

/** More would help nobody. */
const MOST_MISTAKES = 100;

/** By line, and not more than a person would read. */
export function inOrder(mistakes: readonly Mistake[]): readonly Mistake[] {
  const sorted = mistakes.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0));
  const shown = sorted.slice(0, MOST_MISTAKES);
  const more = sorted.length - shown.length;
  return more > 0 ? [...shown, { line: null, key: "", what: `and ${more} more mistakes` }] : shown;
}

/** `FILE:LINE: KEY: WHAT` */
export function mistakeLine(file: string, { line, key, what }: Mistake): string {
  const place = line === null ? file : `${file}:${line}`;
  return visible(key === "" ? `${place}: ${what}` : `${place}: ${key}: ${what}`);
}

/** `units.protected[0]` */
export function keyText(path: KeyPath): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === "number") return `${text}[${part}]`;
    return text === "" ? part : `${text}.${part}`;
  }, "");
}

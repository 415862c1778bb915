import { compareNumbers, endOfDigits, isDigit } from "./dpkg-version.ts";

/** Order of two `[EPOCH:]VERSION[-RELEASE]` as rpm-version(7) defines it: negative, 0 or positive. No epoch counts as 0. */
export function compareRpmVersions(a: string, b: string): number {
  const left = parse(a);
  const right = parse(b);
  return (
    compareNumbers(left.epoch, right.epoch) ||
    compareSegments(left.version, right.version) ||
    (left.release === null || right.release === null ? 0 : compareSegments(left.release, right.release))
  );
}

function parse(evr: string) {
  const colon = /^[0-9]*:/.exec(evr)?.[0].length ?? 0;
  const rest = evr.slice(colon);
  const dash = rest.lastIndexOf("-");
  return {
    epoch: evr.slice(0, Math.max(0, colon - 1)),
    version: dash < 0 ? rest : rest.slice(0, dash),
    release: dash < 0 ? null : rest.slice(dash + 1),
  };
}

/** rpmvercmp() of rpm: segments of digits or of letters; `~` sorts before the end, `^` after it but before anything else. */
export function compareSegments(a: string, b: string): number {
  let left = 0;
  let right = 0;
  while (left < a.length || right < b.length) {
    left = endOfSeparators(a, left);
    right = endOfSeparators(b, right);
    const marks = compareMarks(a[left], b[right]);
    if (marks === "both") {
      left += 1;
      right += 1;
      continue;
    }
    if (marks !== 0) return marks;
    if (left >= a.length || right >= b.length) break;
    const isNumber = isDigit(a.charCodeAt(left));
    const end = isNumber ? endOfDigits : endOfLetters;
    const leftEnd = end(a, left);
    const rightEnd = end(b, right);
    if (rightEnd === right) return isNumber ? 1 : -1; // a number is newer than letters
    const segments = [a.slice(left, leftEnd), b.slice(right, rightEnd)] as const;
    const difference = isNumber ? compareNumbers(...segments) : compareText(...segments);
    if (difference !== 0) return difference;
    left = leftEnd;
    right = rightEnd;
  }
  return Number(left < a.length) - Number(right < b.length);
}

function compareMarks(a: string | undefined, b: string | undefined): number | "both" {
  if (a === "~" || b === "~") return a === b ? "both" : a === "~" ? -1 : 1;
  if (a !== "^" && b !== "^") return 0;
  if (a === b) return "both";
  if (a === undefined) return -1;
  if (b === undefined) return 1;
  return a === "^" ? -1 : 1;
}

function endOfSeparators(text: string, from: number): number {
  let at = from;
  while (at < text.length && !/[0-9A-Za-z~^]/.test(text.charAt(at))) at += 1;
  return at;
}

function endOfLetters(text: string, from: number): number {
  let at = from;
  while (at < text.length && /[A-Za-z]/.test(text.charAt(at))) at += 1;
  return at;
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

// Orders of version strings. None of them is the order of strings, and they differ: 4.18.0-80.el8 is older than
// 4.18.0-80.1.2.el8_0 for rpm and newer for dpkg.

export type Order = (a: string, b: string) => number;

/** deb-version(7), without an epoch: upstream version, then revision. */
export function dpkgOrder(a: string, b: string): number {
  const [upstreamA, revisionA] = splitLast(a, "-");
  const [upstreamB, revisionB] = splitLast(b, "-");
  return byParts(upstreamA, upstreamB, dpkgRank) || byParts(revisionA, revisionB, dpkgRank);
}

function byParts(a: string, b: string, rank: (character: string) => number): number {
  let [at, other] = [0, 0];
  while (at < a.length || other < b.length) {
    while ((at < a.length && !isDigit(a[at])) || (other < b.length && !isDigit(b[other]))) {
      const difference = rank(a[at] ?? "") - rank(b[other] ?? "");
      if (difference !== 0) return difference;
      at += 1;
      other += 1;
    }
    const [left, right] = [digitsAt(a, at), digitsAt(b, other)];
    const difference = byNumber(left, right);
    if (difference !== 0) return difference;
    at += left.length;
    other += right.length;
  }
  return 0;
}

/** `~` before the end, the end and digits before letters, letters before the rest. */
function dpkgRank(character: string): number {
  if (character === "~") return -1;
  if (character === "" || isDigit(character)) return 0;
  const code = character.charCodeAt(0);
  return isLetter(character) ? code : code + 256;
}

/** rpm's: `VERSION-RELEASE`, rpm-version(7). */
export function rpmOrder(a: string, b: string): number {
  const [versionA, releaseA] = splitLast(a, "-");
  const [versionB, releaseB] = splitLast(b, "-");
  return rpmPart(versionA, versionB) || rpmPart(releaseA, releaseB);
}

/** rpmvercmp() of one part. */
export function rpmPart(a: string, b: string): number {
  const left = a.match(/[0-9]+|[A-Za-z]+|[~^]/g) ?? [];
  const right = b.match(/[0-9]+|[A-Za-z]+|[~^]/g) ?? [];
  for (let at = 0; at < Math.max(left.length, right.length); at++) {
    const difference = segment(left[at], right[at]);
    if (difference !== 0) return difference;
  }
  return 0;
}

function segment(a: string | undefined, b: string | undefined): number {
  if (a === b) return 0;
  if (a === "~" || b === "~") return a === "~" ? -1 : 1;
  // A caret is newer than the end and older than everything else.
  if (a === "^") return b === undefined ? 1 : -1;
  if (b === "^") return a === undefined ? -1 : 1;
  if (a === undefined || b === undefined) return a === undefined ? -1 : 1;
  if (isDigit(a[0]) && isDigit(b[0])) return byNumber(a, b);
  if (isDigit(a[0]) !== isDigit(b[0])) return isDigit(a[0]) ? 1 : -1;
  return a < b ? -1 : 1;
}

/** Version Format Specification of the UAPI group, as systemd-boot sorts. */
export function uapiOrder(a: string, b: string): number {
  let left = a.replace(/[^0-9A-Za-z~^.-]/g, "");
  let right = b.replace(/[^0-9A-Za-z~^.-]/g, "");
  while (left !== "" || right !== "") {
    const separator = SEPARATORS.find((mark) => left.startsWith(mark) || right.startsWith(mark));
    if (separator === undefined) {
      const pattern = isDigit(left[0]) || isDigit(right[0]) ? /^[0-9]*/ : /^[A-Za-z]*/;
      const [one = ""] = pattern.exec(left) ?? [];
      const [two = ""] = pattern.exec(right) ?? [];
      // What has no digits here is older than what has.
      if ((one === "") !== (two === "")) return one === "" ? -1 : 1;
      const difference = isDigit(one[0]) ? byNumber(one, two) : one < two ? -1 : one > two ? 1 : 0;
      if (difference !== 0) return difference;
      left = left.slice(one.length);
      right = right.slice(two.length);
    } else {
      if (left.startsWith(separator) !== right.startsWith(separator)) return left.startsWith(separator) ? -1 : 1;
      left = left.slice(1);
      right = right.slice(1);
    }
    if (separator !== "~" && left === "" && right !== "") return right.startsWith("~") ? 1 : -1;
    if (separator !== "~" && right === "" && left !== "") return left.startsWith("~") ? -1 : 1;
  }
  return 0;
}

/** In the order in which the specification asks for them. */
const SEPARATORS = ["~", "-", "^", "."] as const;

function splitLast(text: string, mark: string): readonly [string, string] {
  const at = text.lastIndexOf(mark);
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}

function digitsAt(text: string, at: number): string {
  let end = at;
  while (isDigit(text[end])) end += 1;
  return text.slice(at, end);
}

/** Numbers of any length, which a 64-bit float would not hold. */
function byNumber(a: string, b: string): number {
  const left = a.replace(/^0+/, "");
  const right = b.replace(/^0+/, "");
  return left.length - right.length || (left < right ? -1 : left > right ? 1 : 0);
}

function isDigit(character: string | undefined): boolean {
  return character !== undefined && character >= "0" && character <= "9";
}

function isLetter(character: string): boolean {
  return /[A-Za-z]/.test(character);
}

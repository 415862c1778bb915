// Shell globs over whole names, as Python's fnmatch: `*`, `?`, `[abc]`, `[a-z]`, `[!abc]`. No regular expression is built
// from what somebody typed; the work is bounded by the product of the two lengths, also for hostile globs.

type Element =
  | { readonly kind: "star" }
  | { readonly kind: "any" }
  | { readonly kind: "literal"; readonly char: string }
  | CharacterSet;
interface CharacterSet {
  readonly kind: "set";
  readonly negated: boolean;
  readonly ranges: readonly (readonly [string, string])[];
}

/** A function that tells whether a whole name matches. */
export function globMatcher(glob: string): (name: string) => boolean {
  const elements = parse(glob);
  return (name) => matches(elements, name);
}

export function isGlob(text: string): boolean {
  return /[*?[]/.test(text);
}

function parse(glob: string): readonly Element[] {
  const elements: Element[] = [];
  const lastClose = glob.lastIndexOf("]");
  let at = 0;
  while (at < glob.length) {
    const char = glob.charAt(at);
    if (char === "*") {
      if (elements.at(-1)?.kind !== "star") elements.push({ kind: "star" });
    } else if (char === "?") elements.push({ kind: "any" });
    else {
      const end = char === "[" && at < lastClose ? closing(glob, at) : -1;
      if (end >= 0) {
        elements.push(characterSet(glob.slice(at + 1, end)));
        at = end;
      } else elements.push({ kind: "literal", char }); // an unclosed bracket means itself
    }
    at++;
  }
  return elements;
}

/** Where the set that opens at `open` closes, or -1. A `]` in first place is a member. */
export function closing(glob: string, open: number): number {
  const first = glob.charAt(open + 1) === "!" ? open + 2 : open + 1;
  return glob.indexOf("]", first + 1);
}

function characterSet(content: string): CharacterSet {
  const negated = content.startsWith("!");
  const ranges: (readonly [string, string])[] = [];
  for (let at = negated ? 1 : 0; at < content.length; at++) {
    const from = content.charAt(at);
    const isRange = content.charAt(at + 1) === "-" && at + 2 < content.length;
    ranges.push([from, isRange ? content.charAt(at + 2) : from]);
    if (isRange) at += 2;
  }
  return { kind: "set", negated, ranges };
}

function matches(elements: readonly Element[], name: string): boolean {
  let element = 0;
  let char = 0;
  // Only the last star is ever taken up again: what an earlier one could gain, the last one can gain too.
  let star = -1;
  let starTook = 0;
  while (char < name.length) {
    const current = elements[element];
    if (current?.kind === "star") {
      star = element++;
      starTook = char;
    } else if (current && accepts(current, name.charAt(char))) {
      element++;
      char++;
    } else if (star >= 0) {
      element = star + 1;
      char = ++starTook;
    } else return false;
  }
  while (elements[element]?.kind === "star") element++;
  return element === elements.length;
}

function accepts(element: Element, char: string): boolean {
  switch (element.kind) {
    case "any":
    case "star":
      return true;
    case "literal":
      return element.char === char;
    case "set":
      return element.ranges.some(([from, to]) => from <= char && char <= to) !== element.negated;
  }
}

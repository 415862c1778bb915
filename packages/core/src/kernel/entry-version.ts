import { compareNumbers, isDigit } from "../packages/dpkg-version.ts";

/** Version Format Specification (UAPI.10), by which systemd-boot sorts: negative, 0 or positive. */
export function compareEntryVersions(a: string, b: string): number {
  let left = clean(a);
  let right = clean(b);
  for (;;) {
    const first = [left.startsWith("~"), right.startsWith("~")] as const;
    if (!first[0] && !first[1] && (left === "" || right === "")) return Number(left !== "") - Number(right !== "");
    const mark = MARKS.find((candidate) => left.startsWith(candidate) || right.startsWith(candidate));
    if (mark !== undefined) {
      if (!left.startsWith(mark)) return 1;
      if (!right.startsWith(mark)) return -1;
      left = left.slice(1);
      right = right.slice(1);
      continue;
    }
    const isNumber = isDigit(left.charCodeAt(0)) || isDigit(right.charCodeAt(0));
    const [one, two] = [prefix(left, isNumber), prefix(right, isNumber)];
    if ((one === "") !== (two === "")) return one === "" ? -1 : 1;
    const difference = isNumber ? compareNumbers(one, two) : one < two ? -1 : one > two ? 1 : 0;
    if (difference !== 0) return difference;
    left = left.slice(one.length);
    right = right.slice(two.length);
  }
}

/** In the order in which they are asked for; a string that goes on with one is older than one that does not. */
const MARKS = ["~", "-", "^", "."] as const;
const LONGEST = 512;

function clean(version: string): string {
  return version.slice(0, LONGEST).replace(/[^0-9A-Za-z~^.-]/g, "");
}

function prefix(text: string, isNumber: boolean): string {
  return (isNumber ? /^[0-9]*/ : /^[A-Za-z]*/).exec(text)?.[0] ?? "";
}

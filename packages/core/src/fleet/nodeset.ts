// Sets of hosts as ClusterShell and cumin write them, as input alone: `web[01-50,60]`, `n[0-10/2]`, `r[1-2]n[1-4]`.
import { echoed } from "../text.ts";
import { type Unfolded, unfoldName } from "./ranges.ts";

export const NODESET = "@nodeset:";
const MOST_NAMES = 100_000;
const PART = /^([0-9]+)(?:-([0-9]+)(?:\/([0-9]+))?)?$/;

/** The names of one set, without `@nodeset:`. */
export function unfoldNodeset(text: string): Unfolded {
  const pieces = text.split(/\[([^\][]*)\]/);
  if (text === "" || pieces.some((piece, at) => at % 2 === 0 && /[[\]*?!&^@~]/.test(piece))) {
    return invalid(`${echoed(text)} is no set of hosts; write @nodeset:web[01-50,60]`);
  }
  let names = [""];
  for (const [at, piece] of pieces.entries()) {
    const these = at % 2 === 0 ? { kind: "names" as const, names: [piece] } : membersOf(piece);
    if (these.kind === "invalid") return these;
    if (names.length * these.names.length > MOST_NAMES) return invalid(`it stands for more than ${MOST_NAMES} names`);
    names = names.flatMap((start) => these.names.map((member) => start + member));
  }
  return { kind: "names", names: [...new Set(names)] };
}

/** `01-50,60`. */
function membersOf(list: string): Unfolded {
  const names: string[] = [];
  for (const part of list.split(",")) {
    const [, begin = "", end = begin, step = "1"] = PART.exec(part.trim()) ?? [];
    if (begin === "") return invalid(`${echoed(part)} is no number and no range such as 01-50`);
    const range = unfoldName(`[${begin}:${end}:${step}]`);
    if (range.kind === "invalid") return range;
    if (names.length + range.names.length > MOST_NAMES) return invalid(`it stands for more than ${MOST_NAMES} names`);
    for (const name of range.names) names.push(name);
  }
  return { kind: "names", names };
}

function invalid(why: string): Unfolded {
  return { kind: "invalid", why };
}

// Regular expressions of patterns (`~web\d+`), as Python's re.match and JavaScript agree on them: they begin at the start of a
// name and need not reach its end. No engine that backtracks sees what somebody typed: all ways through an expression are
// taken at once, character by character (Thompson, 1968), and the steps are counted.

type Test = (char: string) => boolean;

type Node =
  | { readonly kind: "char"; readonly test: Test }
  | { readonly kind: "start" | "end" }
  | { readonly kind: "sequence" | "either"; readonly parts: readonly Node[] }
  | { readonly kind: "repeat"; readonly of: Node; readonly min: number; readonly max: number };

type Step =
  | { readonly kind: "char"; readonly test: Test }
  | { readonly kind: "start" | "end" | "match" }
  | { kind: "go"; to: readonly number[] };

export type Regex =
  | {
      readonly kind: "regex";
      /** False from the moment on at which `isSpent`. */
      readonly matches: (name: string) => boolean;
      /** It took more steps than any expression that a person writes: what it said is not all. */
      readonly isSpent: () => boolean;
    }
  | { readonly kind: "invalid"; readonly why: string };

const LONGEST = 250;
const MOST_STEPS_OF_PROGRAM = 2_000;
/** Over all names: a fleet of 10,000 takes a tenth of it, a hostile expression a fraction of a second. */
const MOST_STEPS = 3_000_000;
const MOST_REPEATS = 255;

class Mistake extends Error {}

export function regexOf(text: string): Regex {
  if (text.length > LONGEST) return { kind: "invalid", why: `a regular expression has at most ${LONGEST} characters` };
  try {
    const reading = { text, at: 0 };
    const node = either(reading, 0);
    if (reading.at < text.length) throw new Mistake("a ')' closes nothing");
    const program: Step[] = [];
    compile(node, program);
    program.push({ kind: "match" });
    return runner(program);
  } catch (error) {
    if (error instanceof Mistake) return { kind: "invalid", why: error.message };
    throw error;
  }
}

interface Reading {
  readonly text: string;
  at: number;
}

function either(reading: Reading, depth: number): Node {
  if (depth > 50) throw new Mistake("groups are nested too deeply");
  const parts = [sequence(reading, depth)];
  while (reading.text[reading.at] === "|") {
    reading.at++;
    parts.push(sequence(reading, depth));
  }
  return { kind: "either", parts };
}

function sequence(reading: Reading, depth: number): Node {
  const parts: Node[] = [];
  for (let char = reading.text[reading.at]; char !== undefined; char = reading.text[reading.at]) {
    if (char === "|" || char === ")") break;
    parts.push(repeated(atom(reading, depth), reading));
  }
  return { kind: "sequence", parts };
}

function atom(reading: Reading, depth: number): Node {
  const char = reading.text[reading.at++] ?? "";
  switch (char) {
    case "(": {
      if (reading.text.startsWith("?:", reading.at)) reading.at += 2;
      else if (reading.text[reading.at] === "?") throw new Mistake("groups are ( ) or (?: ); no other form is known");
      const inner = either(reading, depth + 1);
      if (reading.text[reading.at++] !== ")") throw new Mistake("a '(' is never closed");
      return inner;
    }
    case "[":
      return { kind: "char", test: characterClass(reading) };
    case "\\":
      return { kind: "char", test: escaped(reading) };
    case ".":
      return { kind: "char", test: () => true };
    case "^":
      return { kind: "start" };
    case "$":
      return { kind: "end" };
    case "*":
    case "+":
    case "?":
    case "{":
      throw new Mistake(`'${char}' repeats nothing; write \\${char} for the character`);
    default:
      return { kind: "char", test: (one) => one === char };
  }
}

const REPETITION = /^(?:(?<sign>[*+?])|\{(?<min>\d{1,3})(?<more>,(?<max>\d{0,3}))?\})\??/;

/** A `?` behind a repetition says which way is taken first, which makes no difference to whether there is one. */
function repeated(of: Node, reading: Reading): Node {
  const rest = reading.text.slice(reading.at);
  const found = REPETITION.exec(rest);
  if (!found) {
    if (rest.startsWith("{")) throw new Mistake("a '{' is no number of times; write {3}, or \\{ for the character");
    return of;
  }
  if (of.kind === "start" || of.kind === "end") throw new Mistake("'^' and '$' cannot be repeated");
  reading.at += found[0].length;
  if (/^[*+?{]/.test(reading.text.slice(reading.at))) throw new Mistake("a repetition cannot be repeated");
  const [min, max] = timesOf(found.groups ?? {});
  if (max < min || min > MOST_REPEATS || (max !== Infinity && max > MOST_REPEATS))
    throw new Mistake(`a repetition is from 0 to ${MOST_REPEATS} times, the smaller number first`);
  return { kind: "repeat", of, min, max };
}

function timesOf({ sign, min = "0", more, max = "" }: Readonly<Record<string, string | undefined>>) {
  if (sign !== undefined) return [sign === "+" ? 1 : 0, sign === "?" ? 1 : Infinity] as const;
  return [Number(min), more === undefined ? Number(min) : max === "" ? Infinity : Number(max)] as const;
}

const CLASSES: Readonly<Record<string, Test>> = {
  d: (char) => char >= "0" && char <= "9",
  w: (char) => /^[A-Za-z0-9_]$/.test(char),
  s: (char) => /^[ \t\n\r\f\v]$/.test(char),
};

/** Behind a backslash: a class, or a character that is no letter and no digit and means itself. */
function escaped(reading: Reading): Test {
  const char = reading.text[reading.at++];
  if (char === undefined) throw new Mistake("a '\\' has nothing behind it");
  const known = CLASSES[char.toLowerCase()];
  if (known) return char === char.toLowerCase() ? known : (one) => !known(one);
  if (/[A-Za-z0-9]/.test(char)) throw new Mistake(`'\\${char}' is not known; \\d, \\w, \\s, \\D, \\W and \\S are`);
  return (one) => one === char;
}

/** What follows a `[`. */
function characterClass(reading: Reading): Test {
  const isNegated = reading.text[reading.at] === "^";
  if (isNegated) reading.at++;
  const tests: Test[] = [];
  for (let isFirst = true; ; isFirst = false) {
    const char = reading.text[reading.at++];
    if (char === undefined) throw new Mistake("a '[' is never closed");
    if (char === "]" && !isFirst) break;
    if (char === "]") throw new Mistake("an empty [] matches nothing; write \\] for the character");
    if (char === "[") throw new Mistake("write \\[ for a '[' inside of [ ]");
    if (char === "\\") {
      tests.push(escaped(reading));
      continue;
    }
    const to = /^-([^\]\\])/.exec(reading.text.slice(reading.at))?.[1];
    if (to === undefined) tests.push((one) => one === char);
    else {
      if (to < char) throw new Mistake(`${char}-${to} runs backwards`);
      reading.at += 2;
      tests.push((one) => one >= char && one <= to);
    }
  }
  return (char) => tests.some((test) => test(char)) !== isNegated;
}

function compile(node: Node, program: Step[]): void {
  if (program.length > MOST_STEPS_OF_PROGRAM) throw new Mistake("it is too long with its repetitions");
  switch (node.kind) {
    case "char":
    case "start":
    case "end":
      program.push(node);
      return;
    case "sequence":
      for (const part of node.parts) compile(part, program);
      return;
    case "either":
      compileEither(node.parts, program);
      return;
    case "repeat":
      compileRepeat(node, program);
      return;
  }
}

function compileEither(parts: readonly Node[], program: Step[]): void {
  const [only] = parts;
  if (only && parts.length === 1) {
    compile(only, program);
    return;
  }
  const fork = { kind: "go" as const, to: [] as number[] };
  program.push(fork);
  const ends: { to: readonly number[] }[] = [];
  for (const part of parts) {
    fork.to.push(program.length);
    compile(part, program);
    const end = { kind: "go" as const, to: [] };
    program.push(end);
    ends.push(end);
  }
  for (const end of ends) end.to = [program.length];
}

function compileRepeat({ of, min, max }: Extract<Node, { kind: "repeat" }>, program: Step[]): void {
  for (let time = 0; time < min; time++) compile(of, program);
  if (max === Infinity) {
    const fork = { kind: "go" as const, to: [] as number[] };
    const at = program.push(fork) - 1;
    compile(of, program);
    program.push({ kind: "go", to: [at] });
    fork.to.push(at + 1, program.length);
    return;
  }
  const forks: number[][] = [];
  for (let time = min; time < max; time++) {
    const to = [program.length + 1];
    program.push({ kind: "go", to });
    forks.push(to);
    compile(of, program);
  }
  for (const to of forks) to.push(program.length);
}

function runner(program: readonly Step[]): Regex {
  let steps = 0;
  const seen = new Int32Array(program.length).fill(-1);
  let mark = 0;
  /** Puts all that can be reached from `from` without a character into `states`; true at the end of the program. */
  const reach = (from: number, at: number, name: string, states: number[]): boolean => {
    const open = [from];
    for (let index = open.pop(); index !== undefined; index = open.pop()) {
      steps++;
      const step = program[index];
      if (!step || seen[index] === mark) continue;
      seen[index] = mark;
      if (step.kind === "match") return true;
      if (step.kind === "char") states.push(index);
      else if (step.kind === "go") open.push(...step.to);
      else if (step.kind === "start" ? at === 0 : at === name.length) open.push(index + 1);
    }
    return false;
  };
  const matches = (name: string): boolean => {
    let states: number[] = [];
    mark++;
    if (reach(0, 0, name, states)) return true;
    for (let at = 0; at < name.length && states.length > 0 && steps <= MOST_STEPS; at++) {
      const char = name.charAt(at);
      const next: number[] = [];
      mark++;
      for (const index of states) {
        const step = program[index];
        if (step?.kind === "char" && step.test(char) && reach(index + 1, at + 1, name, next)) return true;
      }
      steps += states.length;
      states = next;
    }
    return false;
  };
  return { kind: "regex", matches, isSpent: () => steps > MOST_STEPS };
}

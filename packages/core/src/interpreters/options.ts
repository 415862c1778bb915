/** How the options of an interpreter are written. */
export interface OptionSyntax {
  /** Letters whose argument is the rest of the word, or else the next word. */
  readonly next: string;
  /** Letters whose argument is the rest of the word only, perhaps empty. */
  readonly attached: string;
  /** Long options whose argument is the next word, unless it was given with `=`. */
  readonly long: ReadonlySet<string>;
  /** Letters after which no option follows: what comes next are the program's own arguments. */
  readonly last: string;
}

/** One option that was given, with its argument; `name` is a letter or a long option with its dashes. */
export interface Given {
  readonly name: string;
  readonly value: string;
}

export interface Options {
  readonly given: readonly Given[];
  /** The words after the options. */
  readonly rest: readonly string[];
  /** `--` ended them. */
  readonly isEnded: boolean;
}

/** The options in front of a program's name, getopt(3): letters may share a word. `argv` with the interpreter in front. */
export function optionsOf(argv: readonly string[], syntax: OptionSyntax): Options {
  const given: Given[] = [];
  let at = 1;
  for (; at < argv.length; at += 1) {
    const word = argv[at] ?? "";
    if (word === "--") return { given, rest: argv.slice(at + 1), isEnded: true };
    if (word.length < 2 || (word[0] !== "-" && word[0] !== "+")) break;
    if (word.startsWith("--")) {
      const equals = word.indexOf("=");
      const name = equals < 0 ? word : word.slice(0, equals);
      const takesNext = equals < 0 && syntax.long.has(name);
      given.push({ name, value: equals >= 0 ? word.slice(equals + 1) : takesNext ? (argv[at + 1] ?? "") : "" });
      if (takesNext) at += 1;
      continue;
    }
    const letters = lettersOf(word, argv[at + 1] ?? "", syntax);
    given.push(...letters.given);
    if (letters.tookNext) at += 1;
    if (letters.isLast) return { given, rest: argv.slice(at + 1), isEnded: false };
  }
  return { given, rest: argv.slice(at), isEnded: false };
}

function lettersOf(word: string, next: string, { next: nexts, attached, last }: OptionSyntax) {
  const given: Given[] = [];
  for (let at = 1; at < word.length; at += 1) {
    const name = word[at] ?? "";
    const rest = word.slice(at + 1);
    const isLast = last.includes(name);
    if (nexts.includes(name)) {
      const tookNext = rest === "";
      return { given: [...given, { name, value: tookNext ? next : rest }], tookNext, isLast };
    }
    if (attached.includes(name)) return { given: [...given, { name, value: rest }], tookNext: false, isLast };
    given.push({ name, value: "" });
    if (isLast) return { given, tookNext: false, isLast };
  }
  return { given, tookNext: false, isLast: false };
}

/** Arguments of the options of one name. */
export function valuesOf({ given }: Options, ...names: readonly string[]): readonly string[] {
  return given.flatMap(({ name, value }) => (names.includes(name) ? [value] : []));
}

export function has({ given }: Options, ...names: readonly string[]): boolean {
  return given.some(({ name }) => names.includes(name));
}

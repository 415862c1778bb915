import type { Argv } from "yargs";

/** An option or a word of a command, as a page shows it. */
export interface Told {
  /** `--max-hosts` and its other forms, `-o` first; of a word its name alone. */
  readonly names: readonly string[];
  readonly summary: string;
  readonly hasValue: boolean;
  /** As a person reads it; null: none. */
  readonly standard: string | null;
  /** Empty: any text. */
  readonly choices: readonly string[];
  readonly isNeeded: boolean;
  readonly isRepeated: boolean;
}

/** What a command declares to yargs. */
export interface Notes {
  readonly options: readonly Told[];
  readonly words: readonly Told[];
  /** Each works as printed; what it is for may be empty. */
  readonly examples: readonly (readonly [line: string, what: string])[];
  readonly epilogue: string;
}

type Declared = Readonly<Record<string, unknown>>;
type Declare = (parser: Argv) => unknown;

/** Has a command declare itself to a parser that only takes notes. `program`: in place of `$0`. */
export function notesOf(declare: Declare, program: string): Notes {
  const options = new Map<string, Declared>();
  const words = new Map<string, Declared>();
  const examples: (readonly [string, string])[] = [];
  let epilogue = "";
  /** Where the name is known already. */
  const placeOf = (name: unknown) => (words.has(String(name)) ? words : options);
  const declaring = (kept: Map<string, Declared>, name: unknown, declared: object) =>
    kept.set(String(name), { ...kept.get(String(name)), ...declared });
  const parser: object = new Proxy(
    {},
    {
      get: (_, method) => (first: unknown, second: unknown) => {
        switch (method) {
          case "option":
            declaring(options, first, Object(second));
            break;
          case "options":
            for (const [name, declared] of Object.entries(Object(first))) declaring(options, name, Object(declared));
            break;
          case "positional":
            declaring(words, first, Object(second));
            break;
          case "describe":
            declaring(placeOf(first), first, { describe: second });
            break;
          case "demandOption":
            declaring(placeOf(first), first, { demandOption: true });
            break;
          case "example":
            examples.push(...examplesOf(first, second, program));
            break;
          case "epilogue":
            epilogue = String(first);
            break;
          case "check": // of values, not of what there is
            break;
          default:
            throw new Error(`deploy/reference/notes.ts does not know what '${String(method)}' of yargs declares`);
        }
        return parser;
      },
    },
  );
  declare(parser as Argv); // every method of it answers itself, as yargs' do
  return {
    options: [...options].filter(([, { hidden }]) => hidden !== true).map(([name, its]) => told(name, its, true)),
    words: [...words].map(([name, its]) => told(name, its, false)),
    examples,
    epilogue,
  };
}

function examplesOf(first: unknown, second: unknown, program: string): readonly (readonly [string, string])[] {
  const all: readonly (readonly unknown[])[] = Array.isArray(first) ? first : [[first, second]];
  return all.map(([line, what]) => [String(line).replace("$0", program), String(what)] as const);
}

function told(name: string, declared: Declared, isOption: boolean): Told {
  const { describe, type, choices, demandOption, array, boolean } = declared;
  const forms = [...textsOf(declared.alias), name].map((one) => (one.length === 1 ? `-${one}` : `--${one}`));
  return {
    names: isOption ? forms.toSorted((a, b) => a.length - b.length) : [name],
    summary: typeof describe === "string" ? describe : "",
    hasValue: type !== "boolean" && boolean !== true,
    standard: standardOf(declared),
    choices: textsOf(choices),
    isNeeded: demandOption === true,
    isRepeated: array === true || type === "array",
  };
}

/** `false` of a flag and the empty list say nothing that its absence does not. */
function standardOf({ default: standard, defaultDescription }: Declared): string | null {
  if (typeof defaultDescription === "string") return defaultDescription;
  if (standard === undefined || standard === false) return null;
  if (Array.isArray(standard)) return standard.length === 0 ? null : standard.join(", ");
  return String(standard);
}

function textsOf(value: unknown): readonly string[] {
  return (Array.isArray(value) ? value : value === undefined ? [] : [value]).map(String);
}

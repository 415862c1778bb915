import type { Argv } from "yargs";
import type { Command } from "../command.ts";

/** One option, as a command declares it. */
export interface OptionModel {
  /** `--max-hosts`, then its other forms: `-o`. */
  readonly names: readonly string[];
  readonly summary: string;
  readonly hasValue: boolean;
  /** Empty: any text. */
  readonly choices: readonly string[];
}

/** A word that a command takes beside its options: `pattern` of `status [pattern]`. */
export interface WordModel {
  readonly name: string;
  readonly choices: readonly string[];
}

export interface CommandModel {
  readonly options: readonly OptionModel[];
  readonly words: readonly WordModel[];
}

/** What a command declares to yargs, read by a parser that only takes notes. */
export function modelOf({ options, syntax }: Pick<Command, "options" | "syntax">): CommandModel {
  const notes = { options: new Map<string, Declared>(), words: new Map<string, Declared>() };
  options(noteTaker(notes));
  const words = [...syntax.matchAll(/[<[]([a-z-]+)(?:\.\.)?[>\]]/g)].map(([, name = ""]) => name);
  return {
    options: [...notes.options].map(([name, declared]) => optionOf(name, declared)),
    words: words.map((name) => ({ name, choices: textsOf(notes.words.get(name)?.choices) })),
  };
}

/** As yargs' Options, as far as it is read here. */
interface Declared {
  readonly alias?: unknown;
  readonly choices?: unknown;
  readonly describe?: unknown;
  readonly type?: unknown;
  readonly hidden?: unknown;
}

interface Notes {
  readonly options: Map<string, Declared>;
  readonly words: Map<string, Declared>;
}

function noteTaker({ options, words }: Notes): Argv {
  const parser: object = new Proxy(
    {},
    {
      get: (_, method) => (name: unknown, declared: unknown) => {
        const known = typeof name === "string" ? (options.get(name) ?? {}) : {};
        if (method === "option") options.set(String(name), { ...known, ...Object(declared) });
        if (method === "positional") words.set(String(name), { ...Object(declared) });
        if (method === "describe") options.set(String(name), { ...known, describe: declared });
        return parser;
      },
    },
  );
  return parser as Argv; // every method of it answers itself, as yargs' do
}

function optionOf(name: string, { alias, choices, describe, type }: Declared): OptionModel {
  const aliases = textsOf(alias).map((one) => (one.length === 1 ? `-${one}` : `--${one}`));
  return {
    names: [`--${name}`, ...aliases],
    summary: typeof describe === "string" ? describe : "",
    hasValue: type !== "boolean",
    choices: textsOf(choices),
  };
}

function textsOf(value: unknown): readonly string[] {
  return (Array.isArray(value) ? value : value === undefined ? [] : [value]).map(String);
}

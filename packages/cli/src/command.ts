import type { ExitCode } from "@afterpatch/core/exit";
import type { ArgumentsCamelCase, Argv } from "yargs";
import { FORMATS, type Run, type Shell, type Target } from "./shell.ts";

/** What the command line asks for. */
export interface Chosen {
  readonly run: Run;
  readonly target: Target;
}

/** What the parser tells while it reads a command line. */
export interface Reader {
  choose(chosen: Chosen): void;
  /** The command that is being read: its help may be wanted, and what is wrong is wrong with it. */
  describe(name: string, examples: Examples, syntax: string): void;
}

export type Examples = readonly (readonly [command: string, what: string])[];
/** One command: what its help says, and what it does. */
export interface Command extends Pick<Definition<unknown>, "syntax" | "summary" | "exits" | "examples"> {
  readonly kind: "command";
  /** The first word of its syntax. */
  readonly name: string;
  /** Adds its options to a parser, those of the output included. */
  readonly options: (parser: Argv) => Argv;
  /** `isFallback`: its name may be left out. */
  readonly addTo: (parser: Argv, reader: Reader, isFallback?: boolean) => Argv;
}

/** Commands under one word: `rollout start`. */
export interface Group {
  readonly kind: "group";
  readonly name: string;
  readonly summary: string;
  readonly examples: Examples;
  readonly members: readonly Command[];
  /** The one of them that is meant where none is named: `hosts 'role=web'`. */
  readonly fallback?: Command;
}

interface Definition<T> {
  /** As yargs wants it: `status [pattern]`. */
  readonly syntax: string;
  readonly summary: string;
  readonly options: (parser: Argv) => Argv<T>;
  /** Exit codes with what they mean for this command, as its help shows them. */
  readonly exits: string;
  /** Each works as printed. */
  readonly examples: Examples;
  readonly run: (args: ArgumentsCamelCase<T> & Target, shell: Shell) => Promise<ExitCode>;
}

/** A command for yargs. It only says what to run: main.ts runs it, so that every failure is reported in one place. */
export function command<T>(definition: Definition<T>): Command {
  const { syntax, summary, exits, examples } = definition;
  const options = (parser: Argv) =>
    definition
      .options(parser)
      .option("format", {
        alias: ["o", "output"],
        choices: FORMATS,
        default: "table" as const,
        requiresArg: true,
        describe: "How to print the result",
      })
      .option("out", { type: "string", requiresArg: true, describe: "Write the result to this file" });
  const [name = ""] = syntax.split(" ");
  const addTo = (parser: Argv, reader: Reader, isFallback = false) => {
    const build = (inner: Argv) => {
      reader.describe(name, examples, syntax);
      return options(inner).epilogue(`Exit codes: ${exits}; always: 1 internal error.`);
    };
    return parser.command(isFallback ? [syntax, "$0"] : syntax, summary, build, (parsed) => {
      const args = parsed as ArgumentsCamelCase<T> & Target; // the options above, which yargs' types do not simplify for a T
      reader.choose({ run: (shell) => definition.run(args, shell), target: { format: args.format, out: args.out } });
    });
  };
  return { kind: "command", name, syntax, summary, exits, examples, options, addTo };
}

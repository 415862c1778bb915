import { asCommandError, CommandError, errorIn, usageError } from "@afterpatch/core/command-error";
import { EXIT } from "@afterpatch/core/exit";
import { nearest } from "@afterpatch/core/fleet/nearest";
import { echoed } from "@afterpatch/core/text";
import { checkGiven, optionsIn, parserError } from "@afterpatch/core/command-line";
import yargs, { type Argv } from "yargs";
import type { Chosen, Examples, Group, Reader } from "./command.ts";
import { COMMANDS } from "./commands/all.ts";
import type { Shell } from "./shell.ts";

export const PROGRAM = "afterpatch";

export type Parsed =
  | {
      readonly kind: "command";
      readonly chosen: Chosen;
      readonly controller: string | undefined;
      readonly credentials: string | undefined;
      /** Where there is a terminal that can show colours, and NO_COLOR is not set. */
      readonly isColoured: boolean;
    }
  /** `--help` and `--version`. */
  | { readonly kind: "text"; readonly text: string };

export const SUMMARY = "restart, in a safe order, whatever still runs old code in a fleet, and prove it";

/** Options of every command. */
export const GLOBAL_OPTIONS = {
  controller: {
    type: "string",
    requiresArg: true,
    describe: "HOST:PORT of the controller [AFTERPATCH_CONTROLLER]",
  },
  credentials: {
    type: "string",
    requiresArg: true,
    describe: "Directory with your certificate [AFTERPATCH_CREDENTIALS; ~/.config/afterpatch]",
  },
  "no-color": { type: "boolean", default: false, describe: "No colours on a terminal [NO_COLOR]" },
} as const;

/** What the commands end with, all together. */
export const EXIT_CODES =
  "Exit codes: 0 verified or nothing to do, 1 internal error, 2 a host failed, 3 halted or aborted, 4 hosts or controller " +
  "unreachable (with --fail-on-residue: something is left for a person), 5 usage or credentials, 6 no such host, 7 waits for a " +
  "person or a window, 8 stale plan, 9 hosts held by another rollout, 10 work pending, 130 detached.";

export const FIRST_EXAMPLES: Examples = [
  ["afterpatch status", "what runs old code, and where"],
  ["afterpatch plan 'role=web' --serial 1,25%", "what a rollout would do"],
  ["afterpatch rollout start 'role=web' --serial 1,25% --reason DSA-6001", "do it"],
];

/** Reads a command line; a mistake in it is a CommandError. `columns`: how wide help may be. */
export async function parseCommandLine(argv: readonly string[], version: string, columns: number): Promise<Parsed> {
  let chosen: Chosen | undefined;
  let examples = FIRST_EXAMPLES;
  let command = PROGRAM;
  const reading = { syntax: "" };
  const reader: Reader = {
    choose: (next) => {
      chosen = next;
    },
    describe: (name, next, syntax) => {
      command = `${PROGRAM} ${name}`;
      examples = next;
      reading.syntax = syntax;
    },
  };
  let text = "";
  try {
    const [first, second] = argv;
    const group = COMMANDS.find((one) => one.kind === "group" && one.name === first);
    if (group?.kind === "group" && !group.fallback) {
      command = `${PROGRAM} ${group.name}`;
      refuseUnknown(second, group.members, `${group.name} `);
    } else refuseUnknown(first, COMMANDS, "");
    const parsed = await commands(reader, argv, version, columns, reading).parse(
      [...argv],
      {},
      (_error, _args, output) => {
        text = output;
      },
    );
    if (chosen === undefined) return { kind: "text", text: `${text}\n${text === version ? "" : examplesIn(examples)}` };
    const { run, target } = chosen;
    const named = (shell: Shell) =>
      run(shell).catch((thrown: unknown) => {
        throw errorIn(command, group?.kind === "group" ? perhapsMember(thrown, second, group) : thrown);
      });
    const { controller, credentials } = parsed;
    return {
      kind: "command",
      chosen: { run: named, target },
      controller: single(controller),
      credentials: single(credentials),
      isColoured: parsed["no-color"] !== true,
    };
  } catch (thrown) {
    throw errorIn(command, thrown);
  }
}

/** What people type who come from kubectl and Ansible, and what does here what they mean. */
const HABITS: Readonly<Record<string, readonly string[]>> = {
  get: ["status", "hosts", "rollout list"],
  describe: ["why", "rollout status", "report"],
  logs: ["events", "rollout history"],
  undo: ["rollout abort"],
  drain: ["cordon"],
  ping: ["scan", "hosts"],
  diff: ["plan"],
  run: ["rollout start"],
};

/** yargs would call it an unknown argument. */
function refuseUnknown(word: string | undefined, among: readonly { readonly name: string }[], group: string): void {
  if (word === undefined || word === "" || word.startsWith("-")) return;
  const names = among.map(({ name }) => name);
  if (names.includes(word)) return;
  const habit = group === "" || group === "rollout " ? (HABITS[word] ?? []) : [];
  const near = [...habit, ...nearest(word, names).map((name) => `${group}${name}`)].map((name) => `'${name}'`);
  const hint = near.length === 0 ? "" : ` (nearest: ${near.join(", ")})`;
  throw usageError("command line", `there is no command ${echoed(`${group}${word}`)}${hint}`);
}

/** `hosts lst`: what was read as a pattern, and selects nothing, may be a command that was mistyped. */
function perhapsMember(thrown: unknown, word: string | undefined, { name, members, fallback }: Group): unknown {
  const error = asCommandError(thrown);
  if (!fallback || word === undefined || error.exit !== EXIT.selection) return thrown;
  const names = members.map((member) => member.name);
  const [near] = names.includes(word) ? [] : nearest(word, names);
  if (near === undefined) return thrown;
  const todo = `did you mean '${PROGRAM} ${name} ${near}'?`;
  return new CommandError(error.exit, error.what, error.why, todo, { cause: thrown });
}

/** The command that is being read. */
interface Reading {
  readonly syntax: string;
}

function commands(reader: Reader, argv: readonly string[], version: string, columns: number, reading: Reading): Argv {
  let parser: Argv = configured(argv, version, columns, reading);
  for (const one of COMMANDS) parser = one.kind === "group" ? addGroup(one, parser, reader) : one.addTo(parser, reader);
  return parser;
}

function addGroup({ name, summary, examples, members, fallback }: Group, parser: Argv, reader: Reader): Argv {
  const within: Reader = {
    choose: reader.choose,
    describe: (member, its, syntax) => reader.describe(`${name} ${member}`, its, syntax),
  };
  return parser.command(name, summary, (inner) => {
    reader.describe(name, examples, name);
    const all = members.reduce((each, member) => member.addTo(each, within, member === fallback), inner);
    return fallback ? all : all.demandCommand(1, `'${name}' needs one of its commands`);
  });
}

/** Below the help rather than in it: yargs would break the lines, and then they do not work as printed. */
function examplesIn(examples: Examples): string {
  return `\nExamples:\n${examples.map(([line, what]) => `  # ${what}\n  ${line}\n`).join("")}`;
}

/** What a command is to be told beside its options. */
const MISSING: Readonly<Record<string, string>> = {
  pattern: "an argument is missing: hosts, such as 'role=web' or 'all'",
  shell: "an argument is missing: bash, zsh or fish",
  host: "an argument is missing: one host's name; 'afterpatch hosts list' shows them",
  plan: "an argument is missing: the file that 'afterpatch plan -o json --out FILE' wrote",
  name: "an argument is missing: an operator's name; 'afterpatch operators list' shows them",
  "enrol-address":
    "an argument is missing: HOST:PORT of the controller's enrol port, as whoever gave you the token knows it",
};
const NO_ROLLOUT = "a rollout's id is missing: 'afterpatch rollout list' shows them, newest first";
const NO_TOKEN = "a token's id is missing: 'afterpatch token list' shows them";

function missing(syntax: string, argv: readonly string[]): string {
  const [, name = ""] = /<([a-z-]+)>/.exec(syntax) ?? [];
  return MISSING[name] ?? (argv.includes("token") ? NO_TOKEN : NO_ROLLOUT);
}

function configured(argv: readonly string[], version: string, columns: number, reading: Reading) {
  return yargs()
    .scriptName(PROGRAM)
    .locale("en")
    .usage(`$0 COMMAND: ${SUMMARY}`)
    .options(GLOBAL_OPTIONS)
    .strict()
    .exitProcess(false)
    .showHelpOnFail(false)
    .parserConfiguration({
      "greedy-arrays": false,
      "dot-notation": false,
      "parse-positional-numbers": false,
      "boolean-negation": false,
    })
    .check(
      (args) =>
        checkGiven(
          args,
          [
            "label",
            "only",
            "kind",
            "package",
            "library",
            "unit",
            "cve",
            "files",
            "inventory",
            "i",
            "limit",
            "l",
            "inventory-label",
            "inventoryLabel",
          ],
          argv,
        ),
      true,
    )
    .demandCommand(1, "name a command")
    .fail((message, error, usage: unknown) => {
      if (error?.name === "CommandError") throw error;
      const why = message || error?.message || "cannot be read";
      // yargs counts positionals where a person would name them.
      const isShort = why.startsWith("Not enough non-option arguments");
      throw parserError(isShort ? missing(reading.syntax, argv) : why, [], { argv, options: optionsIn(usage) });
    })
    .version(version)
    .help()
    .alias("help", "h")
    .epilogue(EXIT_CODES)
    .wrap(Math.min(120, columns));
}

function single(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

import * as agent from "@afterpatch/agent/command-line";
import * as agentCommands from "@afterpatch/agent/commands/all";
import * as cli from "@afterpatch/cli/command-line";
import type { Command, Examples } from "@afterpatch/cli/command";
import { COMMANDS } from "@afterpatch/cli/commands/all";
import * as controllerCommands from "@afterpatch/controller/commands/all";
import type { CommandModule } from "yargs";
import { ALWAYS, type Exit, exitsOf } from "./exits.ts";
import { type Notes, notesOf, type Told } from "./notes.ts";

/** One command of a program, as its help tells it. */
export interface CommandPage extends Omit<Notes, "epilogue"> {
  /** `rollout start`. */
  readonly name: string;
  /** `afterpatch rollout start [pattern]`. */
  readonly usage: string;
  readonly summary: string;
  readonly exits: readonly Exit[];
  /** The word above it that means this command where no other follows: `hosts`. */
  readonly standsFor: string | null;
}

/** A word that commands stand under: `rollout`. */
export interface GroupPage {
  readonly name: string;
  readonly summary: string;
}

export interface ProgramPage {
  readonly name: "afterpatch" | "afterpatch-agent" | "afterpatch-controller";
  readonly summary: string;
  /** Options of every command. */
  readonly options: readonly Told[];
  readonly commands: readonly CommandPage[];
  readonly groups: readonly GroupPage[];
  readonly exits: readonly Exit[];
  readonly examples: Examples;
}

/** The three programs with all their commands, from what these declare to their own parsers. */
export function programs(): readonly ProgramPage[] {
  return [afterpatch(), afterpatchAgent(), afterpatchController()];
}

/** yargs' own, in every program. */
const EVERYWHERE: readonly Told[] = [
  { names: ["-h", "--help"], summary: "Show help" },
  { names: ["--version"], summary: "Show the version" },
].map((one) => ({ ...one, hasValue: false, standard: null, choices: [], isNeeded: false, isRepeated: false }));

function afterpatch(): ProgramPage {
  const name = "afterpatch";
  const page = (one: Command, above: string, fallback?: Command): CommandPage => {
    const { options, words } = notesOf(one.options, name);
    return {
      ...{ name: `${above}${one.name}`, usage: `${name} ${above}${one.syntax}`, summary: one.summary, options, words },
      ...{ examples: one.examples, exits: exitsOf(one.exits, ALWAYS) },
      standsFor: one === fallback ? above.trim() : null,
    };
  };
  return {
    ...{ name, summary: cli.SUMMARY, exits: exitsOf(cli.EXIT_CODES), examples: cli.FIRST_EXAMPLES },
    options: [...notesOf((parser) => parser.options(cli.GLOBAL_OPTIONS), name).options, ...EVERYWHERE],
    commands: COMMANDS.flatMap((one) =>
      one.kind === "command"
        ? [page(one, "")]
        : one.members.map((member) => page(member, `${one.name} `, one.fallback)),
    ),
    groups: COMMANDS.flatMap((one) => (one.kind === "group" ? [{ name: one.name, summary: one.summary }] : [])),
  };
}

function afterpatchAgent(): ProgramPage {
  const name = "afterpatch-agent";
  const commands = agentCommands.COMMANDS.map((one) => modulePage(one, name, agentCommands.EXITS));
  return {
    ...{ name, summary: agent.SUMMARY, exits: exitsOf(agent.EXIT_CODES), commands, groups: [] },
    options: [...notesOf((parser) => parser.options(agent.GLOBAL_OPTIONS), name).options, ...EVERYWHERE],
    examples: commands.flatMap((one) => (FIRST.has(one.name) ? one.examples.slice(0, 1) : [])),
  };
}

/** What one types first on a host. */
const FIRST: ReadonlySet<string> = new Set(["scan", "plan", "apply", "enroll"]);

function afterpatchController(): ProgramPage {
  const name = "afterpatch-controller";
  const commands = controllerCommands.COMMANDS.map((one) => modulePage(one, name, {}));
  return {
    ...{ name, summary: controllerCommands.SUMMARY, options: EVERYWHERE, commands, groups: [], exits: [] },
    examples: commands.flatMap((one) => (one.name === "init" || one.name === "serve" ? one.examples : [])),
  };
}

function modulePage(module: CommandModule, program: string, exits: Readonly<Record<string, string>>): CommandPage {
  const { command, describe, builder } = module;
  if (typeof command !== "string" || typeof describe !== "string" || typeof builder !== "function")
    throw new Error(`a command of ${program} is not declared as its others are`);
  const [name = ""] = command.split(" ");
  const { epilogue, ...notes } = notesOf(builder, program);
  const sentence = exits[name] ?? epilogue;
  return {
    ...notes,
    name,
    usage: `${program} ${command}`,
    summary: describe,
    exits: exitsOf(sentence),
    standsFor: null,
  };
}

import type { Command, Group } from "../command.ts";
import { type CommandModel, modelOf, type OptionModel } from "./model.ts";

/** One thing that may be typed next. */
export interface Candidate {
  readonly text: string;
  /** Empty: it speaks for itself. */
  readonly summary: string;
}

/** What may be typed next. */
export type Next =
  | { readonly kind: "these"; readonly candidates: readonly Candidate[] }
  /** The controller knows: names and labels of hosts, ids of rollouts, names of operators, ids of tokens. */
  | { readonly kind: "hosts" | "rollouts" | "operators" | "tokens" }
  | { readonly kind: "files" | "directories" | "anything" };

const GLOBAL: readonly OptionModel[] = [
  { names: ["--help", "-h"], summary: "Show help", hasValue: false, choices: [] },
  { names: ["--controller"], summary: "HOST:PORT of the controller", hasValue: true, choices: [] },
  { names: ["--credentials"], summary: "Directory with your certificate", hasValue: true, choices: [] },
  { names: ["--no-color"], summary: "No colours on a terminal", hasValue: false, choices: [] },
];
const FIRST: readonly OptionModel[] = [{ names: ["--version"], summary: "Show version", hasValue: false, choices: [] }];
const FILES: ReadonlySet<string> = new Set(["--out", "--file", "--token-file", "--junit", "--inventory", "--config"]);

/** What may stand in the place of the last of `words`, which may be empty or begun. */
export function nextOf(commands: readonly (Command | Group)[], words: readonly string[]): Next {
  const typed = words.at(-1) ?? "";
  const before = words.slice(0, -1);
  const place = placeOf(commands, before);
  if (place.kind === "unknown") return { kind: "anything" };
  const { model, left } = place;
  const options = [...(model?.options ?? []), ...GLOBAL, ...(before.length === 0 ? FIRST : [])];
  const valued = optionNamed(options, before.at(-1) ?? "");
  if (valued?.hasValue) return choicesOf(valued, typed);
  const [, name = "", value] = /^(--[a-z-]+)=(.*)$/s.exec(typed) ?? [];
  if (value !== undefined) {
    const given = optionNamed(options, name);
    return given ? choicesOf(given, value, `${name}=`) : { kind: "anything" };
  }
  if (typed.startsWith("-")) return starting(typed, unused(options, before).flatMap(candidatesOf));
  if (model === null)
    return starting(
      typed,
      place.commands.map(({ name: text, summary }) => ({ text, summary })),
    );
  return wordOf(model, left, typed, before);
}

type Place =
  | { readonly kind: "unknown" }
  | {
      readonly kind: "known";
      /** Null: a command's name comes next. */
      readonly model: CommandModel | null;
      readonly commands: readonly (Command | Group)[];
      /** Words beside options that follow the command. */
      readonly left: number;
    };

function placeOf(commands: readonly (Command | Group)[], before: readonly string[]): Place {
  let among = commands;
  let fallback: Command | undefined;
  let model: CommandModel | null = null;
  let left = 0;
  for (let index = 0; index < before.length; index++) {
    const word = before[index] ?? "";
    if (word.startsWith("-")) {
      const option = optionNamed([...(model?.options ?? []), ...GLOBAL], word);
      if (option?.hasValue) index++;
      continue;
    }
    if (model !== null) {
      left++;
      continue;
    }
    const found = among.find(({ name }) => name === word);
    if (!found && fallback) {
      model = modelOf(fallback);
      left++;
    } else if (!found) return { kind: "unknown" };
    else if (found.kind === "group") {
      among = found.members;
      fallback = found.fallback;
    } else model = modelOf(found);
  }
  return { kind: "known", model, commands: among, left };
}

function wordOf({ words }: CommandModel, left: number, typed: string, before: readonly string[]): Next {
  const word = words[left];
  if (!word) return { kind: "these", candidates: [] };
  if (word.choices.length > 0) return starting(typed, plain(word.choices));
  switch (word.name) {
    case "pattern":
    case "host":
      return { kind: "hosts" };
    case "id":
      return { kind: before.includes("token") ? "tokens" : "rollouts" };
    case "name":
      return { kind: "operators" };
    case "plan":
      return { kind: "files" };
    default:
      return { kind: "anything" };
  }
}

function choicesOf({ names: [name = ""], choices }: OptionModel, typed: string, prefix = ""): Next {
  if (choices.length > 0) return starting(`${prefix}${typed}`, plain(choices.map((choice) => `${prefix}${choice}`)));
  if (name === "--credentials") return { kind: "directories" };
  if (name === "--host" || name === "--limit") return { kind: "hosts" };
  if (name === "--rollout") return { kind: "rollouts" };
  return { kind: FILES.has(name) ? "files" : "anything" };
}

function optionNamed(options: readonly OptionModel[], name: string): OptionModel | undefined {
  return options.find(({ names }) => names.includes(name));
}

/** What is given once is not offered again. */
function unused(options: readonly OptionModel[], before: readonly string[]): readonly OptionModel[] {
  return options.filter(({ names }) => !names.some((name) => before.includes(name)));
}

/** Short forms are known by those who use them. */
function candidatesOf({ names, summary }: OptionModel): readonly Candidate[] {
  return names.filter((name) => name.startsWith("--")).map((text) => ({ text, summary }));
}

function plain(texts: readonly string[]): readonly Candidate[] {
  return texts.map((text) => ({ text, summary: "" }));
}

/** Those that begin as typed. */
export function starting(typed: string, candidates: readonly Candidate[]): Extract<Next, { kind: "these" }> {
  return { kind: "these", candidates: candidates.filter(({ text }) => text.startsWith(typed)) };
}

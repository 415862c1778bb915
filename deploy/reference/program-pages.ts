import type { Exit } from "./exits.ts";
import { code, page, plain, shell, table } from "./markdown.ts";
import type { Told } from "./notes.ts";
import type { CommandPage, ProgramPage } from "./programs.ts";

/** The page of a program: every command, with all that its help says. */
export function programPage({ name, summary, commands, options, exits, groups }: ProgramPage): string {
  const said = summary.replace(/\.$/, "");
  return page(name, "the commands' own help", [
    `\`${name} COMMAND\`: ${plain(said.charAt(0).toLowerCase() + said.slice(1))}.`,
    "",
    ...table(
      ["command", "does"],
      commands.map((one) => [`[${one.name}](#${anchor(one.name)})`, plain(one.summary)]),
    ),
    ...groups.map((group) => `\`${group.name} ...\`: ${plain(group.summary)}.  `),
    ...(groups.length > 0 ? [""] : []),
    "## Options of every command",
    "",
    ...optionTable(options),
    ...(exits.length === 0 ? [] : ["## Exit codes", "", ...exitTable(exits)]),
    ...commands.flatMap(commandSection),
  ]);
}

function commandSection({ name, usage, summary, words, options, examples, exits, standsFor }: CommandPage) {
  return [
    `## ${name}`,
    "",
    ...shell([usage, ...(standsFor === null ? [] : [usage.replace(name, standsFor)])]),
    `${plain(summary)}.`,
    "",
    ...(words.length === 0 ? [] : wordTable(words)),
    ...(options.length === 0 ? [] : optionTable(options)),
    ...shell(examples.flatMap(([line, what]) => [...(what === "" ? [] : [`# ${what}`]), line])),
    ...exitTable(exits),
  ];
}

/** As GitHub makes it of a heading. */
function anchor(name: string): string {
  return name.replaceAll(" ", "-");
}

function wordTable(words: readonly Told[]): readonly string[] {
  return table(
    ["argument", "meaning"],
    words.map(({ names, summary, choices }) => [names.map(code).join(", "), meaning(summary, choices)]),
  );
}

function optionTable(options: readonly Told[]): readonly string[] {
  return table(
    ["option", "default", "meaning"],
    options.map(({ names, summary, hasValue, standard, choices, isNeeded, isRepeated }) => [
      `${names.map(code).join(", ")}${hasValue ? " VALUE" : ""}${isRepeated ? " ..." : ""}`,
      isNeeded ? "needed" : standard === null ? "" : plain(standard),
      meaning(summary, choices),
    ]),
  );
}

function meaning(summary: string, choices: readonly string[]): string {
  return `${plain(summary)}${choices.length === 0 ? "" : `: ${choices.map(code).join(", ")}`}`;
}

function exitTable(exits: readonly Exit[]): readonly string[] {
  return table(
    ["exit code", "meaning"],
    exits.map((exit) => [String(exit.code), plain(exit.meaning)]),
  );
}

import type { Exit } from "./exits.ts";
import type { ManPage, Release } from "./man.ts";
import type { Told } from "./notes.ts";
import type { CommandPage, GroupPage, ProgramPage } from "./programs.ts";
import { AROUND } from "./around.ts";
import { bold, escaped, filled, heading, italic, item, paragraph, type Roff, subheading, typed } from "./roff.ts";

/** `afterpatch(1)`, and the daemons with all their commands in section 8. */
export function programPage(program: ProgramPage, release: Release): ManPage {
  const { name, summary, commands, groups } = program;
  const around = AROUND[name];
  const hasOwnPages = name === "afterpatch";
  // A command, or the word that several stand under, each once and in the order of the help.
  const words = [...new Set(commands.map((one) => one.name.split(" ")[0]))];
  const listed = words.flatMap((word) => [...groups, ...commands].find((one) => one.name === word) ?? []);
  return page({ name, section: hasOwnPages ? 1 : 8, program: name }, release, [
    ...nameLines(name, summary),
    ...heading("SYNOPSIS"),
    ...paragraph(`${bold(name)} ${italic("COMMAND")} [${italic("OPTION")} ...]`),
    ...heading("DESCRIPTION"),
    ...around.description.flatMap((text) => paragraph(escaped(text))),
    ...heading("COMMANDS"),
    ...(hasOwnPages ? listed.flatMap((one) => commandItem(name, one)) : commands.flatMap(commandSection)),
    ...heading("OPTIONS"),
    ...paragraph("Of every command:"),
    ...program.options.flatMap(optionItem),
    ...(program.exits.length === 0 ? [] : [...heading("EXIT STATUS"), ...program.exits.flatMap(exitItem)]),
    ...(around.environment.length === 0
      ? []
      : [
          ...heading("ENVIRONMENT"),
          ...around.environment.flatMap(([variable, what]) => item(bold(variable), escaped(what))),
        ]),
    ...heading("FILES"),
    ...around.files.flatMap(([file, what]) => item(italic(file), escaped(what))),
    ...heading("EXAMPLES"),
    ...examples(program.examples),
    ...heading("SEE ALSO"),
    ...seeAlso(around.seeAlso),
  ]);
}

/** `afterpatch-rollout(1)`: which commands there are under the word. */
export function groupPage({ name, commands }: ProgramPage, group: GroupPage, release: Release): ManPage {
  const members = commands.filter((one) => one.name.startsWith(`${group.name} `));
  const stands = members.find(({ standsFor }) => standsFor !== null);
  return page({ name: pageName(name, group.name), section: 1, program: name }, release, [
    ...nameLines(pageName(name, group.name), group.summary),
    ...heading("SYNOPSIS"),
    ...members.flatMap((one) => paragraph(usage(one.usage))),
    ...heading("COMMANDS"),
    ...members.flatMap((one) => commandItem(name, one)),
    ...(stands ? paragraph(`Where none is named, ${bold(stands.name)} is meant.`) : []),
    ...heading("SEE ALSO"),
    ...seeAlso([[name, 1]]),
  ]);
}

/** `afterpatch-rollout-start(1)`. */
export function commandPage({ name, options }: ProgramPage, command: CommandPage, release: Release): ManPage {
  const title = pageName(name, command.name);
  const [above = ""] = command.name.split(" ");
  return page({ name: title, section: 1, program: name }, release, [
    ...nameLines(title, command.summary),
    ...heading("SYNOPSIS"),
    ...paragraph(usage(command.usage)),
    ...(command.standsFor === null ? [] : paragraph(usage(command.usage.replace(command.name, command.standsFor)))),
    ...heading("DESCRIPTION"),
    ...paragraph(escaped(sentence(command.summary))),
    ...command.words.flatMap(wordItem),
    ...heading("OPTIONS"),
    ...[...command.options, ...options].flatMap(optionItem),
    ...heading("EXIT STATUS"),
    ...command.exits.flatMap(exitItem),
    ...heading("EXAMPLES"),
    ...examples(command.examples),
    ...heading("SEE ALSO"),
    ...seeAlso([[name, 1], ...(above === command.name ? [] : [[pageName(name, above), 1] as const])]),
  ]);
}

/** `afterpatch-rollout-start`, of `rollout start`. */
function pageName(program: string, command: string): string {
  return `${program}-${command.replaceAll(" ", "-")}`;
}

/** Where there is more of it. */
function commandItem(program: string, { name, summary }: Pick<CommandPage, "name" | "summary">): Roff {
  return item(bold(name), `${escaped(sentence(summary))} See ${reference(pageName(program, name), 1)}.`);
}

function commandSection(command: CommandPage): Roff {
  return [
    ...subheading(command.name),
    ...paragraph(usage(command.usage)),
    ...paragraph(escaped(sentence(command.summary))),
    ...command.words.flatMap(wordItem),
    ...command.options.flatMap(optionItem),
    ...paragraph("Exit status:"),
    ...command.exits.flatMap(exitItem),
    ...paragraph(command.examples.length === 1 ? "Example:" : "Examples:"),
    ...examples(command.examples),
  ];
}

export function page(of: Omit<ManPage, "text">, { version, date }: Release, body: Roff): ManPage {
  const title = `.TH ${escaped(of.name).toUpperCase()} ${of.section} ${date} "afterpatch ${version}"`;
  // Words stay whole and lines uneven, as they can be searched for and copied; a paragraph begins with its heading.
  const lines = body.filter((line, index) => line !== ".PP" || !/^\.S[HS] /.test(body[index - 1] ?? ""));
  return { ...of, text: `${[title, ".nh", ".ad l", ...lines].join("\n")}\n` };
}

/** What apropos(1) reads. */
export function nameLines(name: string, summary: string): Roff {
  const said = capitalised(summary.replace(/\.$/, ""), false);
  // lexgrog(1) takes an escaped hyphen for the one that ends the name.
  return [...heading("NAME"), ...filled(`${escaped(name)} \\- ${escaped(said).replaceAll("\\-", "-")}`)];
}

function capitalised(text: string, isCapital = true): string {
  const [first = ""] = text;
  return `${isCapital ? first.toUpperCase() : first.toLowerCase()}${text.slice(first.length)}`;
}

function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

/** What is typed as it stands is bold, what one puts there is not. */
function usage(text: string): string {
  return text
    .split(" ")
    .map((word) => (/^[<[]/.test(word) ? escaped(word).replace(/[a-z][a-z\\-]*/, "\\fI$&\\fP") : bold(word)))
    .concat(`[${italic("OPTION")} ...]`)
    .join(" ");
}

function wordItem({ names: [name = ""], summary, choices }: Told): Roff {
  const among = choices.length === 0 ? "" : ` One of ${choices.join(", ")}.`;
  return item(italic(name), escaped(`${sentence(summary)}${among}`));
}

function optionItem({ names, summary, hasValue, standard, choices, isNeeded, isRepeated }: Told): Roff {
  const value = hasValue ? ` ${italic("VALUE")}` : "";
  const more = [
    ...(choices.length === 0 ? [] : [`One of ${choices.join(", ")}.`]),
    ...(isRepeated && !summary.includes("repeated") ? ["May be repeated."] : []),
    ...(standard === null ? [] : [`Default: ${standard}.`]),
    ...(isNeeded ? ["Required."] : []),
  ];
  return item(`${names.map(bold).join(", ")}${value}`, escaped([sentence(summary), ...more].join(" ")));
}

const exitItem = ({ code, meaning }: Exit): Roff => item(bold(String(code)), escaped(sentence(capitalised(meaning))));

function examples(all: CommandPage["examples"]): Roff {
  return all.flatMap(([line, what]) => [
    ...(what === "" ? [] : paragraph(escaped(`${capitalised(what)}:`))),
    ...typed([line]),
  ]);
}

export const reference = (name: string, section: number): string => `${bold(name)}(${section})`;

export function seeAlso(pages: readonly (readonly [string, number])[]): Roff {
  return paragraph(pages.map(([name, section]) => reference(name, section)).join(", "));
}

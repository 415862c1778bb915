import { runCommandLine } from "@afterpatch/agent/command-line";
import { parseCommandLine } from "@afterpatch/cli/command-line";
import { EXIT } from "@afterpatch/core/exit";
import { expect, test } from "vitest";
import { programs } from "../../deploy/reference/programs.ts";
import { run } from "./programs.ts";

// What reference pages and pages of manuals are made of, against what the programs themselves say when they are asked.

async function help(program: string, words: readonly string[]): Promise<string> {
  const argv = [...words, "--help"];
  switch (program) {
    case "afterpatch": {
      const parsed = await parseCommandLine(argv, "0.0.0", 120);
      return parsed.kind === "text" ? parsed.text : "";
    }
    case "afterpatch-agent":
      return runCommandLine(argv, "0.0.0", 120);
    default:
      return (await run("controller", argv)).stdout;
  }
}

/** As it reads where lines are not broken. */
const flat = (text: string) => text.replace(/\s+/g, " ");
const optionsIn = (text: string) => [...text.matchAll(/^ {2,}(?:-\w, )*--([\w-]+)/gm)].map(([, name]) => `--${name}`);

test.each(programs())("$name: its commands are those of its help", async ({ name, commands, groups }) => {
  const said = [...(await help(name, [])).matchAll(new RegExp(`^ {2}${name} ([a-z-]+)`, "gm"))].map(([, word]) => word);
  const words = [...new Set(commands.map((one) => one.name.split(" ")[0]))];
  expect(words).toEqual([...new Set(said)].slice(0, words.length));
  for (const group of groups) {
    const below = commands.filter((one) => one.name.startsWith(`${group.name} `));
    const text = flat(await help(name, [group.name]));
    for (const one of below) expect(text).toContain(`${one.usage.split(" [")[0]}`);
  }
});

const all = programs().flatMap((program) => program.commands.map((command) => ({ program, command })));

test.each(all)("$program.name $command.name: options, words, examples and exit codes", async ({ program, command }) => {
  const text = await help(program.name, command.name.split(" "));
  const [, list = ""] = text.split(/^Options:$/m);
  const [options = ""] = list.split(/^(?:Examples|Exit codes):/m);
  const told = [...program.options, ...command.options];
  const long = (names: readonly string[]) => names.filter((one) => one.startsWith("--"));
  expect(optionsIn(options).toSorted()).toEqual(
    told.map(({ names }) => long(names).find((one) => optionsIn(options).includes(one))).toSorted(),
  );
  for (const { names } of told) for (const one of names) expect(options).toMatch(new RegExp(`${one}\\b`));
  for (const { choices, standard } of command.options) {
    for (const choice of choices) expect(flat(options)).toContain(`"${choice}"`);
    if (standard !== null)
      expect(flat(options).replaceAll('"', "")).toContain(`[default: ${standard.replaceAll('"', "")}]`);
  }
  for (const { summary } of [...command.options, ...command.words]) expect(flat(text)).toContain(flat(summary));
  for (const [line] of command.examples) expect(text).toContain(`  ${line}`);
  const codes = new Set<number>(Object.values(EXIT));
  for (const { code, meaning } of command.exits) {
    expect(codes).toContain(code);
    expect(flat(text)).toContain(`${code} ${meaning}`);
  }
});

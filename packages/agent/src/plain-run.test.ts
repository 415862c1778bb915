import { expect, test } from "vitest";
import yargs from "yargs";
import { type GlobalOptions, runCommandLine } from "./command-line.ts";
import { plainRun } from "./plain-run.ts";

/** What the parser of all commands makes of it: the options of every command. */
async function parsed(argv: readonly string[]): Promise<GlobalOptions> {
  let found: GlobalOptions | null = null;
  const parser = yargs()
    .option("config", { type: "string" })
    .option("state-dir", { type: "string", default: "/var/lib/afterpatch/agent" })
    .command(
      "run",
      "",
      () => {},
      ({ config, stateDir }) => {
        found = { config, stateDir };
      },
    );
  await parser.parseAsync([...argv]);
  if (!found) throw new Error(`${argv.join(" ")}: not run`);
  return found;
}

test.each([
  ["run"],
  ["run --state-dir S"],
  ["run --config agent.yaml"],
  ["run --config /etc/agent.yaml --state-dir /srv/state"],
])("%s is read as the parser of all commands reads it", async (line) => {
  const argv = line.split(" ");
  expect(plainRun(argv)).toEqual(await parsed(argv));
});

test.each([
  ["no command", []],
  ["another command", ["scan", "--state-dir", "S"]],
  ["an option before the command", ["--state-dir", "S", "run"]],
  ["help", ["run", "--help"]],
  ["an unknown option", ["run", "--state", "S"]],
  ["a value in the same word", ["run", "--state-dir=S"]],
  ["an option twice", ["run", "--config", "a", "--config", "b"]],
  ["a missing value", ["run", "--config"]],
  ["an option where a value is expected", ["run", "--config", "--state-dir"]],
  ["an empty value", ["run", "--state-dir", ""]],
  ["the end of options", ["run", "--", "--config"]],
  ["a surplus word", ["run", "now"]],
])("%s is left to the parser of all commands", (_name, argv) => expect(plainRun(argv)).toBeNull());

test("every option of run's help is known", async () => {
  const help = await runCommandLine(["run", "--help"], "0.0.0", 100);
  const options = [...help.matchAll(/^ {2,}(?:-\w, )?(--[a-z-]+)/gm)].map(([, name = ""]) => name);
  const plain = options.filter((name) => plainRun(["run", name, "value"]));
  expect(plain.toSorted()).toEqual(["--config", "--state-dir"]);
});

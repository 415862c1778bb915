import { expect, test } from "vitest";
import yargs from "yargs";
import { runCommandLine } from "./command-line.ts";
import { type ScanArguments, scan } from "./commands/scan.ts";
import { plainScan } from "./plain-scan.ts";

/** What the parser of all commands makes of it: the options of `scan`, and those of every command. */
async function parsed(argv: readonly string[]): Promise<ScanArguments> {
  let found: ScanArguments | null = null;
  const parser = yargs()
    .option("config", { type: "string" })
    .option("state-dir", { type: "string", default: "/var/lib/afterpatch/agent" })
    .command({
      ...scan,
      handler: ({ config, stateDir, format, out, exitCode, all, cve }) => {
        found = { config, stateDir, format, out, exitCode, all, cve };
      },
    });
  await parser.parseAsync([...argv]);
  if (!found) throw new Error(`${argv.join(" ")}: not run`);
  return found;
}

test.each([
  ["scan"],
  ["scan --all"],
  ["scan --exit-code --all"],
  ["scan -o json"],
  ["scan --format openmetrics --out /var/lib/node_exporter/afterpatch.prom"],
  ["scan --state-dir /srv/state -o nagios --exit-code"],
  ["scan --out scan.json --format json --state-dir state --all --exit-code"],
])("%s is read as the parser of all commands reads it", async (line) => {
  const argv = line.split(" ");
  expect(plainScan(argv)).toEqual(await parsed(argv));
});

test.each([
  ["no command", []],
  ["another command", ["why", "1"]],
  ["an option before the command", ["--all", "scan"]],
  ["help", ["scan", "--help"]],
  ["an unknown option", ["scan", "--al"]],
  ["an option of another kind of name", ["scan", "toString"]],
  ["a value in the same word", ["scan", "--format=json"]],
  ["a value in the same word as a letter", ["scan", "-ojson"]],
  ["an option twice", ["scan", "-o", "json", "--format", "json"]],
  ["a flag twice", ["scan", "--all", "--all"]],
  ["an unknown format", ["scan", "-o", "xml"]],
  ["a missing value", ["scan", "-o"]],
  ["an option where a value is expected", ["scan", "--out", "--all"]],
  ["an empty value", ["scan", "--out", ""]],
  ["a configuration", ["scan", "--config", "agent.yaml"]],
  ["the end of options", ["scan", "--", "--all"]],
  ["a surplus word", ["scan", "all"]],
])("%s is left to the parser of all commands", (_name, argv) => expect(plainScan(argv)).toBeNull());

test("every option of scan's help is known or left to that parser", async () => {
  const help = await runCommandLine(["scan", "--help"], "0.0.0", 100);
  const options = [...help.matchAll(/^ {2,}(?:-\w, )?(--[a-z-]+)/gm)].map(([, name = ""]) => name);
  expect(options).toEqual(expect.arrayContaining(["--all", "--exit-code", "--format", "--out", "--state-dir"]));
  const plain = options.filter((name) => plainScan(["scan", name]) ?? plainScan(["scan", name, "json"]));
  expect(plain.toSorted()).toEqual(["--all", "--exit-code", "--format", "--out", "--state-dir"]);
});

import { readFile, writeFile } from "node:fs/promises";
import { availableParallelism, release, totalmem } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { LabError } from "../commands.ts";
import type { Host } from "../host.ts";
import { down, hostOf, up } from "../lab.ts";
import { scenarios } from "./all.ts";
import { capture, readFacts, stageReader } from "./capture.ts";
import { ensurePeers, installPeers } from "./peers.ts";
import { matrixPage, totals } from "./report.ts";
import { type Row, type RunOptions, runMatrix } from "./run.ts";
import type { Scenario } from "./scenario.ts";
import { installFolders, stageMatrix } from "./stage.ts";
import { AFTERPATCH, afterpatch, peers, type Tool } from "./tools.ts";

const help = `Makes every scenario of old code for real on a lab host and asks afterpatch and its peers about it.

  npm run matrix                            all scenarios; writes docs/detection-matrix.md
  npm run matrix -- --only library-removed  one scenario, or several with commas; writes nothing
  npm run matrix -- --afterpatch            without the peers; writes nothing
  npm run matrix -- --capture FOLDER        also writes what a scan read of each scenario, for test/cases
  npm run matrix -- --list                  names of the scenarios

Exit code 1 when afterpatch is not right in all of them.`;

const PAGE = fileURLToPath(new URL("../../../docs/detection-matrix.md", import.meta.url));
const LAB = "mx";

async function main(argv: readonly string[]): Promise<number> {
  const values = parse(argv);
  if (values.help) console.log(help);
  else if (values.list) console.log(scenarios.map(({ name, made }) => `${name}: ${made}`).join("\n"));
  else return matrix(chosen(values.only), values);
  return 0;
}

async function matrix(only: readonly Scenario[], values: ReturnType<typeof parse>): Promise<number> {
  const { afterpatch: alone, capture: folder } = values;
  const say = (line: string) => console.error(`matrix: ${line}`);
  const tools = alone ? [afterpatch] : [afterpatch, ...peers];
  // Without peers some scenarios lack what they need, too.
  const layer = alone && values.only === undefined ? null : await ensurePeers(say);
  const payload = await stageMatrix(only);
  if (folder !== undefined) await stageReader(payload.directory);
  await down(LAB); // what an interrupted run has left
  try {
    const lab = await up({ name: LAB, hosts: 1, payload: payload.directory, say });
    const host = hostOf(lab, 1);
    if (layer !== null) await installPeers(host, layer, payload.directory);
    await installFolders(host);
    const written = async (all: Parameters<NonNullable<RunOptions["made"]>>[0]) => {
      const facts = folder === undefined ? null : await readFacts(host);
      for (const { scenario, made } of facts ? all : [])
        if (facts && folder) await capture(facts, scenario, made, folder);
    };
    const rows = await runMatrix({ lab, host, scenarios: only, tools, say, made: written });
    print(rows, tools);
    if (values.only === undefined && !alone)
      await writeFile(PAGE, matrixPage(rows, tools, await circumstances(host, tools)));
    return rows.every(({ cells }) => cells.get(AFTERPATCH)?.kind === "right") ? 0 : 1;
  } finally {
    await down(LAB);
    await payload.remove();
  }
}

async function circumstances(host: Host, tools: readonly Tool[]) {
  const memory = Math.round(totalmem() / 2 ** 30);
  const os = /^PRETTY_NAME="(.*)"$/m.exec(await readFile("/etc/os-release", "utf8"))?.[1] ?? "Linux";
  const machine = `${availableParallelism()} processors, ${memory} GiB of memory, ${os}, kernel ${release()}`;
  const versions = new Map<string, string>();
  for (const tool of tools) versions.set(tool.name, await tool.version(host));
  return { date: new Date().toISOString().slice(0, 10), machine, versions };
}

function print(rows: readonly Row[], tools: readonly Tool[]): void {
  for (const { scenario, cells } of rows) {
    const said = tools.map(({ name }) => {
      const cell = cells.get(name);
      return `${name}: ${cell?.kind}${cell && cell.kind !== "right" && cell.note ? ` (${cell.note})` : ""}`;
    });
    console.log(`${scenario.name.padEnd(28)} ${said.join(", ")}`);
  }
  console.log(["", ...tools.map(({ name }) => name)].join("\t"));
  for (const line of totals(rows, tools)) console.log(line.join("\t"));
}

function chosen(only: string | undefined): readonly Scenario[] {
  if (only === undefined) return scenarios;
  return only.split(",").map((name) => {
    const found = scenarios.find((scenario) => scenario.name === name);
    if (found === undefined) throw usage(`${name}: no such scenario; see npm run matrix -- --list`);
    return found;
  });
}

function parse(argv: readonly string[]) {
  try {
    const flag = { type: "boolean", default: false } as const;
    const options = {
      only: { type: "string" },
      capture: { type: "string" },
      afterpatch: flag,
      list: flag,
      help: flag,
    } as const;
    return parseArgs({ args: [...argv], options }).values;
  } catch (error) {
    throw usage(`arguments: ${error instanceof Error ? error.message : error}; see npm run matrix -- --help`);
  }
}

function usage(message: string): LabError {
  return new LabError("usage", message);
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (error instanceof LabError) console.error(`matrix: ${error.message}`);
  else console.error("matrix:", error);
  process.exitCode = error instanceof LabError && error.code === "usage" ? 5 : 1;
}

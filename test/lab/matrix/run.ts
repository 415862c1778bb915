import { LabError } from "../commands.ts";
import { exec, execOk, type Host } from "../host.ts";
import type { Lab } from "../lab.ts";
import { type Cell, judgeAfterpatch, judgePeer } from "./judge.ts";
import type { Made, Scenario } from "./scenario.ts";
import { openShop, type Shop } from "./shop.ts";
import { AFTERPATCH, type Said, type Tool } from "./tools.ts";

export interface Row {
  readonly scenario: Scenario;
  /** By tool. */
  readonly cells: ReadonlyMap<string, Cell>;
}

export interface RunOptions {
  readonly lab: Lab;
  readonly host: Host;
  readonly scenarios: readonly Scenario[];
  readonly tools: readonly Tool[];
  readonly say?: (line: string) => void;
  /** Called once all of a round's scenarios are made. */
  readonly made?: (all: readonly { readonly scenario: Scenario; readonly made: Made }[]) => Promise<void>;
}

/** Makes the scenarios, then asks every tool once; the upgrade of what many share comes after that, and is asked again. */
export async function runMatrix(options: RunOptions): Promise<readonly Row[]> {
  const { lab, host, scenarios } = options;
  const shops = new Map<string, Shop>(scenarios.map(({ name }) => [name, openShop(lab, host, name)]));
  const can = new Map<string, boolean>();
  for (const { name, needs } of scenarios)
    can.set(name, needs === undefined || (await exec(host, ["test", "-e", needs])).code === 0);
  const possible = scenarios.filter(({ name }) => can.get(name));
  for (const scenario of possible) await scenario.begin?.(shopOf(scenario, shops));
  const order = ["first", undefined, "last"].map((when) => possible.filter((scenario) => scenario.when === when));
  const [first = [], main = [], last = []] = order;
  const rows = [...(await round([...first, ...main], shops, options)), ...(await round(last, shops, options))];
  const lacking = scenarios
    .filter(({ name }) => !can.get(name))
    .map((scenario) => notMade(scenario, options.tools, `needs ${scenario.needs}`));
  const made = new Map([...rows, ...lacking].map((row) => [row.scenario, row]));
  return scenarios.flatMap((scenario) => made.get(scenario) ?? []);
}

function notMade(scenario: Scenario, tools: readonly Tool[], note: string): Row {
  const cell: Cell = { kind: "n.a.", note };
  return { scenario, cells: new Map(tools.map(({ name }) => [name, cell])) };
}

async function round(scenarios: readonly Scenario[], shops: ReadonlyMap<string, Shop>, options: RunOptions) {
  const { host, tools, say = () => undefined } = options;
  const made: { readonly scenario: Scenario; readonly made: Made }[] = [];
  const failed: Row[] = [];
  for (const scenario of scenarios) {
    say(`making ${scenario.name}`);
    try {
      const result = await scenario.make(shopOf(scenario, shops));
      await alive(host, scenario, result);
      made.push({ scenario, made: result });
    } catch (error) {
      if (!(error instanceof LabError)) throw error;
      say(`could not make ${scenario.name}: ${error.message}`);
      failed.push(notMade(scenario, tools, "it could not be made"));
    }
  }
  const rows = made.map(({ scenario }) => ({ scenario, cells: new Map<string, Cell>() }));
  if (made.length === 0) return failed;
  await options.made?.(made);
  for (const tool of tools) {
    say(`asking ${tool.name}`);
    const all = tool.perPath ? null : await tool.ask(host, "");
    for (const [index, { scenario, made: result }] of made.entries()) {
      const said = all ?? (await tool.ask(host, result.path));
      rows[index]?.cells.set(tool.name, judge(scenario, result, said, tool));
    }
  }
  return [...rows, ...failed];
}

function judge(scenario: Scenario, made: Made, said: Said, tool: Tool): Cell {
  return tool.name === AFTERPATCH ? judgeAfterpatch(scenario, made, said) : judgePeer(scenario, made, said, tool);
}

/** Nobody is to be judged by a process that is not there. */
async function alive(host: Host, { name }: Scenario, { old = [], current = [] }: Made): Promise<void> {
  const pids = [...old, ...current];
  if (pids.length === 0 || pids.some((pid) => !Number.isInteger(pid) || pid <= 0))
    throw new LabError("command-failed", `${name}: its processes are not known: ${pids.join(" ")}`);
  await execOk(host, ["sh", "-c", 'for pid; do kill -0 "$pid" || exit 1; done', "sh", ...pids.map(String)]);
}

function shopOf({ name }: Scenario, shops: ReadonlyMap<string, Shop>): Shop {
  const shop = shops.get(name);
  if (shop === undefined) throw new LabError("usage", `${name}: no such scenario`);
  return shop;
}

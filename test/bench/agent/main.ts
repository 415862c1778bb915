// `npm run bench:agent`: what an agent at rest costs, and each scan of its own. Writes docs/bench-agent.md.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { type Cost, measure } from "../scan/measure.ts";
import { buildTools, type Tools } from "../scan/workload.ts";
import { documentOf } from "./document.ts";
import { type Form, type Forms, formsIn } from "./forms.ts";
import { childrenOf, type Cpu, cpuOf, type Memory, memoryOf } from "./measure.ts";

const PROCESSES = 300;
const ROOT = join(import.meta.dirname, "../../..");
const HELP = `usage: npm run bench:agent -- [--minutes 5] [--agents 3] [--out docs/bench-agent.md]
A controller and so many agents of each form are started in a temporary folder. Nothing may be changed by packages meanwhile,
or the agents scan.
`;

process.exitCode = await main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`bench:agent: ${error instanceof Error ? error.message : String(error)}\n`);
  return 1;
});

async function main(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      minutes: { type: "string", default: "5" },
      agents: { type: "string", default: "3" },
      out: { type: "string", default: join(ROOT, "docs/bench-agent.md") },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const folder = await mkdtemp(join(tmpdir(), "afterpatch-bench-agent-"));
  const started: ChildProcess[] = [];
  try {
    const made = await formsIn(folder);
    fillUp(started);
    const agents = await enrolledAgents(folder, made, Number(values.agents), started);
    const result = await measured(agents, Number(values.minutes) * 60_000);
    await writeFile(values.out, documentOf(result, made));
    process.stdout.write(`${values.out} written\n`);
    return 0;
  } finally {
    for (const child of started.toReversed()) {
      const ended = once(child, "exit");
      if (child.kill()) await ended;
    }
    await rm(folder, { recursive: true, force: true });
  }
}

export interface AgentCost {
  readonly form: Form;
  /** From its start to its stream, the first scan not begun. */
  readonly startWallMs: number;
  readonly startCpuMs: number;
  /** Right after the answer. */
  readonly scanning: { readonly daemon: Memory; readonly child: Memory };
  /** After the child had ended. */
  readonly resting: Memory;
  /** Of one child from its start to its end, with one scan. */
  readonly scan: Cpu;
  readonly rest: Cpu & { readonly elapsedMs: number };
  /** Of `scan` at the command line; null of a variant. */
  readonly oneScan: Cost | null;
}

export interface Measured {
  readonly processes: number;
  readonly agents: readonly AgentCost[];
}

interface RunningProgram {
  readonly pid: number;
  /** Messages of its log so far. */
  said(): readonly string[];
}

interface RunningAgent extends RunningProgram {
  readonly form: Form;
  readonly startWallMs: number;
  readonly startCpuMs: number;
  readonly scanning: AgentCost["scanning"];
  readonly oneScan: Cost | null;
}

/** All of them at the same time: the load of the machine is the same for each. */
async function measured(agents: readonly RunningAgent[], restMs: number): Promise<Measured> {
  const processes = processesHere();
  const atRest = async () =>
    (await Promise.all(agents.map(({ pid }) => childrenOf(pid)))).every((all) => all.length === 0);
  await until(atRest, 180_000, "the children's end");
  await sleep(2000);
  const first = await Promise.all(
    agents.map(async ({ pid, said }) => ({
      cpu: await cpuOf(pid),
      resting: await memoryOf(pid),
      lines: said().length,
    })),
  );
  const began = performance.now();
  await sleep(restMs);
  const costs = agents.map(async ({ pid, said, form, startWallMs, startCpuMs, scanning, oneScan }, index) => {
    const after = (await cpuOf(pid)).own;
    const before = first[index];
    if (!before || said().length !== before.lines)
      throw new Error(`${form.name}: the agent did not rest: packages changed, or the controller was away`);
    const own = { ms: after.ms - before.cpu.own.ms, ticksMs: after.ticksMs - before.cpu.own.ticksMs };
    const rest = { ...own, elapsedMs: performance.now() - began };
    const ofStart = { form, startWallMs, startCpuMs, scanning, oneScan };
    return { ...ofStart, resting: before.resting, scan: before.cpu.ofChildren, rest };
  });
  return { processes, agents: await Promise.all(costs) };
}

async function enrolledAgents(folder: string, { forms, variants }: Forms, each: number, started: ChildProcess[]) {
  const data = join(folder, "controller");
  const controller = program("controller", "afterpatch-controller");
  const names = ["--name", "localhost", "--name", "127.0.0.1"];
  succeed([...controller, "init", "--data-dir", data, ...names]);
  const ports = ["--port", "0", "--enrol-port", "0", "--http-port", "0"];
  const serve = begin([...controller, "serve", "--data-dir", data, "--listen", "127.0.0.1", ...ports], started);
  await until(() => serve.said().includes("controller ready"), 30_000, "the controller");
  const { enrol, fleet } = JSON.parse(await readFile(join(data, "run/ports.json"), "utf8"));
  const credentials = ["--credentials", join(data, "admin"), "--controller", `127.0.0.1:${fleet}`];
  const uses = ["--uses", String(each * (forms.length + variants.length))];
  const token = succeed([...program("cli", "afterpatch"), "token", "create", ...uses, ...credentials]);
  const tools = buildTools(folder);
  const agents: RunningAgent[] = [];
  for (let round = 0; round < each; round += 1) {
    for (const form of [...forms, ...variants]) {
      const state = join(folder, `agent-${agents.length}`);
      const where = ["--controller", `127.0.0.1:${enrol}`, "--token-file", "-", "--name", `bench-${agents.length}`];
      succeed([...form.command, "enroll", ...where, "--state-dir", state], token);
      const oneScan = forms.includes(form) ? await scannedOnce(folder, form, tools) : null;
      agents.push({ ...(await startedAgent(form, state, started)), oneScan });
    }
  }
  return agents;
}

async function startedAgent(
  form: Form,
  state: string,
  started: ChildProcess[],
): Promise<Omit<RunningAgent, "oneScan">> {
  const env = { PATH: process.env.PATH, ...form.env };
  const began = performance.now();
  const agent = begin([...form.command, "run", "--state-dir", state], started, env);
  await until(() => agent.said().includes("connected"), 60_000, "the stream");
  const startWallMs = performance.now() - began;
  const startCpuMs = (await cpuOf(agent.pid)).own.ms;
  await until(() => agent.said().includes("host scanned"), 120_000, "a scan");
  const [child] = await childrenOf(agent.pid);
  if (child === undefined) throw new Error("the agent has no child after its scan");
  const scanning = { daemon: await memoryOf(agent.pid), child: await memoryOf(child) };
  return { ...agent, form, startWallMs, startCpuMs, scanning };
}

/** The inventory of the packages' files is there from the second on, as on a host that has been scanned before. */
async function scannedOnce(folder: string, { command }: Form, tools: Tools): Promise<Cost> {
  const state = join(folder, "state-of-scans");
  const words = [...command, "scan", "--state-dir", state];
  await mkdir(state, { recursive: true });
  const run = () => measure(tools, process.pid, join(folder, "output"), words, AbortSignal.timeout(120_000));
  await run();
  return run();
}

/** The goals speak of so many; what is not there is made of sleep(1), which costs a scan less than most. */
function fillUp(started: ChildProcess[]): void {
  for (let missing = PROCESSES - processesHere(); missing > 0; missing -= 1) {
    started.push(spawn("sleep", ["3600"], { stdio: "ignore" }));
  }
}

function processesHere(): number {
  return Number(spawnSync("sh", ["-c", "ls -d /proc/[0-9]* | wc -l"]).stdout.toString());
}

function program(part: string, name: string): readonly string[] {
  return [process.execPath, join(ROOT, "packages", part, "dist", `${name}.mjs`)];
}

function succeed([file = "", ...args]: readonly string[], input = ""): string {
  const { status, stdout, stderr } = spawnSync(file, args, { input, encoding: "utf8" });
  if (status !== 0) throw new Error(`${args.slice(0, 3).join(" ")}: ${stderr}`);
  return stdout;
}

function begin(
  [file = "", ...args]: readonly string[],
  started: ChildProcess[],
  env: NodeJS.ProcessEnv = process.env,
): RunningProgram {
  const child = spawn(file, args, { stdio: ["ignore", "pipe", "inherit"], env });
  started.push(child);
  let text = "";
  child.stdout.on("data", (chunk: Buffer) => {
    text += chunk.toString();
  });
  if (child.pid === undefined) throw new Error(`${file} cannot be started`);
  const said = () => [...text.matchAll(/"msg":"([^"]*)"/g)].map(([, message = ""]) => message);
  return { pid: child.pid, said };
}

async function until(isSo: () => boolean | Promise<boolean>, withinMs: number, what: string): Promise<void> {
  for (const end = Date.now() + withinMs; !(await isSo()); await sleep(20)) {
    if (Date.now() > end) throw new Error(`${what} did not come within ${withinMs / 1000} s`);
  }
}

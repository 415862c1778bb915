// `npm run bench:agent`: what an agent at rest costs, and each scan of its own. Writes docs/bench-agent.md.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { documentOf } from "./document.ts";
import { childrenOf, type Cpu, cpuOf, type Memory, memoryOf } from "./measure.ts";

const ROOT = join(import.meta.dirname, "../../..");
const HELP = `usage: npm run bench:agent -- [--minutes 5] [--out docs/bench-agent.md]
A controller and an enrolled agent, as 'npm run build' made them, are started in a temporary folder. Nothing else may be
changed by packages meanwhile, or the agent scans.
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
    const agent = await enrolledAgent(folder, started);
    const result = await measured(agent, Number(values.minutes) * 60_000);
    await writeFile(values.out, documentOf(result));
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
  readonly processes: number;
  readonly scanning: { readonly daemon: Memory; readonly child: Memory };
  /** After the child had ended. */
  readonly resting: Memory;
  /** Of one child from its start to its end, with one scan. */
  readonly scan: Cpu;
  readonly rest: Cpu & { readonly elapsedMs: number };
}

interface RunningAgent {
  readonly pid: number;
  /** Messages of its log so far. */
  said(): readonly string[];
}

async function measured({ pid, said }: RunningAgent, restMs: number): Promise<AgentCost> {
  const processes = Number(spawnSync("sh", ["-c", "ls -d /proc/[0-9]* | wc -l"]).stdout.toString());
  await until(() => said().includes("host scanned"), 120_000, "a scan");
  const [child] = await childrenOf(pid);
  if (child === undefined) throw new Error("the agent has no child after its scan");
  const scanning = { daemon: await memoryOf(pid), child: await memoryOf(child) };
  await until(async () => (await childrenOf(pid)).length === 0, 180_000, "the child's end");
  const scan = (await cpuOf(pid)).ofChildren;
  const resting = await memoryOf(pid);
  const [before, scans] = [await cpuOf(pid), said().length];
  const began = performance.now();
  await sleep(restMs);
  const after = await cpuOf(pid);
  if (said().length !== scans) throw new Error("the agent did not rest: packages changed, or the controller was away");
  const own = { ms: after.own.ms - before.own.ms, ticksMs: after.own.ticksMs - before.own.ticksMs };
  return { processes, scanning, resting, scan, rest: { ...own, elapsedMs: performance.now() - began } };
}

async function enrolledAgent(folder: string, started: ChildProcess[]): Promise<RunningAgent> {
  const data = join(folder, "controller");
  const controller = program("controller", "afterpatch-controller");
  const names = ["--name", "localhost", "--name", "127.0.0.1"];
  succeed([...controller, "init", "--data-dir", data, ...names]);
  const ports = ["--port", "0", "--enrol-port", "0", "--http-port", "0"];
  const serve = begin([...controller, "serve", "--data-dir", data, "--listen", "127.0.0.1", ...ports], started);
  await until(() => serve.said().includes("controller ready"), 30_000, "the controller");
  const { enrol, fleet } = JSON.parse(await readFile(join(data, "run/ports.json"), "utf8"));
  const credentials = ["--credentials", join(data, "admin"), "--controller", `127.0.0.1:${fleet}`];
  const token = succeed([...program("cli", "afterpatch"), "token", "create", ...credentials]);
  const agent = [join(ROOT, "packages/agent/bin/afterpatch-agent")]; // with what it says to Node
  const state = join(folder, "agent");
  const where = ["--controller", `127.0.0.1:${enrol}`, "--token-file", "-", "--name", "bench", "--state-dir", state];
  succeed([...agent, "enroll", ...where], token);
  return begin([...agent, "run", "--state-dir", state], started);
}

function program(part: string, name: string): readonly string[] {
  return [process.execPath, join(ROOT, "packages", part, "dist", `${name}.mjs`)];
}

function succeed([file = "", ...args]: readonly string[], input = ""): string {
  const { status, stdout, stderr } = spawnSync(file, args, { input, encoding: "utf8" });
  if (status !== 0) throw new Error(`${args.slice(0, 3).join(" ")}: ${stderr}`);
  return stdout;
}

function begin([file = "", ...args]: readonly string[], started: ChildProcess[]): RunningAgent {
  const child = spawn(file, args, { stdio: ["ignore", "pipe", "inherit"] });
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

// `npm run bench:scan`: afterpatch-agent scan beside its peers, on the same processes, in one run. Writes docs/bench-scan.md.
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { BASE, BOUND, type Contestant, contestants, missingHere, OURS } from "./contestants.ts";
import { type Answer, documentOf, type SizeResult } from "./document.ts";
import { type Cost, measure } from "./measure.ts";
import { buildTools, type Parent, startWorkload, type Tools, type Workload } from "./workload.ts";

const ROOT = join(import.meta.dirname, "../../..");
const LONGEST_MS = 60 * 60_000;

const HELP = `usage: npm run bench:scan -- [--sizes 300,1000] [--rounds 7] [--only NAME,NAME] [--out docs/bench-scan.md]
example: npm run bench:scan -- --sizes 300 --rounds 3 --out /tmp/bench-scan.md
--only takes beginnings of the names that the result shows. Everything else that this makes is in a folder below /opt,
and gone afterwards.
`;

process.exitCode = await main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`bench:scan: ${error instanceof Error ? error.message : String(error)}\n`);
  return 1;
});

async function main(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      sizes: { type: "string", default: "300,1000" },
      rounds: { type: "string", default: "7" },
      only: { type: "string" },
      out: { type: "string", default: join(ROOT, "docs/bench-scan.md") },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return say(HELP);
  const missing = missingHere();
  if (missing.length > 0) throw new Error(`this machine lacks ${missing.join(", ")}; as root, apt-get install them`);
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => stop.abort(new Error(`stopped by ${signal}`)));
  }
  const signal = AbortSignal.any([stop.signal, AbortSignal.timeout(LONGEST_MS)]);
  // Peers ignore what is in folders for temporary files.
  const folder = mkdtempSync("/opt/afterpatch-bench-");
  try {
    const tools = buildTools(folder);
    const wanted = values.only?.split(",");
    const all = contestants(tools, join(folder, "state")).filter(
      ({ name }) => !wanted || wanted.some((one) => name.startsWith(one)),
    );
    const results: SizeResult[] = [];
    for (const size of values.sizes.split(",").map(Number)) {
      const bench = { tools, all, rounds: Number(values.rounds), signal };
      results.push(await ofSize(folder, { size, parent: "one program" }, bench));
      const some = all.filter(({ name }) => [OURS, BASE, BOUND].includes(name));
      results.push(await ofSize(folder, { size, parent: "PID 1" }, { ...bench, all: some }));
    }
    writeFileSync(values.out, documentOf(results));
    say(`${values.out}\n`);
    return results.every(({ isRight }) => isRight) ? 0 : 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Bench {
  readonly tools: Tools;
  readonly all: readonly Contestant[];
  readonly rounds: number;
  readonly signal: AbortSignal;
}

async function ofSize(
  folder: string,
  kind: { readonly size: number; readonly parent: Parent },
  bench: Bench,
): Promise<SizeResult> {
  const { tools, all, rounds, signal } = bench;
  const { size, parent } = kind;
  say(`${size} processes, children of ${parent}: starting them\n`);
  const state = join(folder, "state");
  rmSync(state, { recursive: true, force: true });
  mkdirSync(state);
  const workload = await startWorkload(folder, kind, signal);
  try {
    const output = join(folder, "output");
    const run = (command: readonly string[]) => measure(tools, workload.init, output, command, signal);
    const answers = new Map<string, Answer>();
    const first = new Map<string, Cost>();
    for (const { name, command, wordy, stale } of all) {
      first.set(name, await run(command)); // also fills the page cache, and our inventory
      if (stale) answers.set(name, answer(stale(await run(wordy ?? command)), workload));
    }
    const costs: Map<string, Cost>[] = [];
    const running = startRunning(workload, state);
    const bound = all.filter(({ stale }) => !stale);
    let isRight = answers.get(OURS)?.isRight ?? true;
    for (let warmUp = 0; warmUp < 5; warmUp += 1) await running.scan();
    for (let round = 1; round <= rounds; round += 1) {
      const cost = new Map<string, Cost>();
      for (const { name, command } of shuffled(all)) cost.set(name, await run(command));
      // Right before and right after each other: the machine is shared.
      const { stale, ...warm } = await running.scan();
      cost.set("warm", warm);
      for (const { command } of bound) cost.set("bound of warm", await run(command));
      isRight &&= answer(stale, workload).isRight;
      costs.push(cost);
      say(
        `${size} processes, round ${round}: ${[...cost].map(([name, { cpuMs }]) => `${name} ${Math.round(cpuMs)}`).join(", ")}\n`,
      );
    }
    running.end();
    return { size, parent, stale: workload.stale.size, first, costs, answers, isRight };
  } finally {
    await workload.end();
  }
}

function answer(found: readonly number[], { stale }: Workload): Answer {
  const right = found.filter((pid) => stale.has(pid)).length;
  return { right, wrong: found.length - right, isRight: right === stale.size && found.length === right };
}

/** A process that scans when it is told to. */
function startRunning({ init }: Workload, state: string) {
  const program = join(import.meta.dirname, "warm.ts");
  const child = spawn("nsenter", ["-t", String(init), "-p", "-m", "--", process.execPath, program, state], {
    cwd: ROOT,
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async scan() {
      child.stdin.write("scan\n");
      const { value, done } = await lines.next();
      if (done) throw new Error("the running agent ended");
      const said: Cost & { stale: readonly number[] } = JSON.parse(value); // of warm.ts
      return said;
    },
    end() {
      child.stdin.end();
    },
  };
}

function shuffled<T>(items: readonly T[]): readonly T[] {
  return items
    .map((item) => ({ item, at: Math.random() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ item }) => item);
}

function say(text: string): 0 {
  process.stdout.write(text);
  return 0;
}

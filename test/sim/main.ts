import { type ChildProcess, fork } from "node:child_process";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { MUTANTS, type Mutant } from "./mutants.ts";
import type { Broken, SeedResult } from "./seeds.ts";

// npm run sim: the simulator for as long as one likes, and whether it finds bugs that are planted.

const USAGE = `usage: npm run sim -- [--minutes N | --seeds N | --seed S | --mutants]
  --minutes N   seeds for so long (default: 2)
  --seeds N     the first N seeds
  --seed S      one seed; prints what was stored and done
  --mutants     plants bugs, one after the other: every one has to be found
  --from S      begins with this seed instead of 1, with --minutes and --seeds
  --cores N     processes at once (default: all cores)
`;

/** Seeds in which every planted bug is found, and the product is as it should be. */
const MUTANT_SEEDS = 400;

/** Seeds of one process. */
const PER_PROCESS = 40;

interface Totals {
  seeds: number;
  events: number;
  readonly ends: Map<string, number>;
}

interface Search {
  readonly mutant: string;
  readonly from: number;
  /** Asked before each next seed. */
  readonly goesOn: (seed: number) => boolean;
  readonly processes: number;
}

/** Runs seeds side by side, in no certain order; the smallest seed that broke something, of those that were run. */
async function search(
  { mutant, from, goesOn, processes }: Search,
  totals: Totals,
): Promise<(Broken & { readonly seed: number }) | null> {
  let found: (Broken & { readonly seed: number }) | null = null;
  /** One process after the other: what a world of a simulation held is given back with its process. */
  const one = async (first: number): Promise<void> => {
    for (let next: number | null = first; next !== null; ) next = await some(next);
  };
  /** Resolves with the seed to go on with; null: that was all. */
  const some = (first: number) =>
    new Promise<number | null>((resolve, reject) => {
      const args = [mutant, String(first), String(processes)];
      const child: ChildProcess = fork(join(import.meta.dirname, "worker.ts"), args, { stdio: "inherit" });
      let isOver = false;
      let last = first - processes;
      const end = (next: number | null): void => {
        isOver = true;
        child.kill("SIGKILL");
        resolve(next);
      };
      child.once("exit", (code, signal) => {
        if (!isOver) reject(new Error(`seed ${last + processes}: its process ended with ${code ?? signal}`));
      });
      child.on("message", (message) => {
        if (isOver) return;
        const result = message as SeedResult; // worker.ts sends nothing else
        last = result.seed;
        totals.seeds += 1;
        totals.events += result.events;
        for (const state of result.ends) totals.ends.set(state, (totals.ends.get(state) ?? 0) + 1);
        if (result.broken && (found === null || last < found.seed)) found = { ...result.broken, seed: last };
        const next = last + processes;
        if (found !== null || !goesOn(next)) end(null);
        else if (next - first >= PER_PROCESS * processes) end(next);
      });
    });
  await Promise.all(Array.from({ length: processes }, (_, index) => one(from + index)));
  return found;
}

function newTotals(): Totals {
  return { seeds: 0, events: 0, ends: new Map() };
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function told({ seed, scenario, what, log }: Broken & { readonly seed: number }): void {
  for (const line of log) say(`  ${line}`);
  say(`seed ${seed}, ${scenario}: ${what}`);
  say(`replay: npm run sim -- --seed ${seed}`);
}

/** Every bug that is planted has to be found within the seeds in which the product breaks nothing. */
async function mutants(processes: number): Promise<boolean> {
  const missed: Mutant[] = [];
  let last = 0;
  const queue = [...MUTANTS];
  const hunt = async (): Promise<void> => {
    for (let mutant = queue.shift(); mutant; mutant = queue.shift()) {
      const { name } = mutant;
      const goesOn = (seed: number) => seed <= MUTANT_SEEDS;
      const found = await search({ mutant: name, from: 1, goesOn, processes: 1 }, newTotals());
      if (found === null) missed.push(mutant);
      else last = Math.max(last, found.seed);
      say(
        found ? `found   ${name}: seed ${found.seed}, ${first(found.what)}` : `MISSED  ${name}: ${MUTANT_SEEDS} seeds`,
      );
    }
  };
  await Promise.all(Array.from({ length: processes }, hunt));
  const totals = newTotals();
  const wrong = await search({ mutant: "-", from: 1, goesOn: (seed) => seed <= last, processes }, totals);
  if (wrong) told(wrong);
  say(
    `${MUTANTS.length - missed.length} of ${MUTANTS.length} planted bugs found; the product in the same seeds (1 to ${last}): ${wrong ? "BROKEN" : "nothing broken"}`,
  );
  return missed.length === 0 && wrong === null;
}

function first(text: string): string {
  return text.split("\n", 1)[0] ?? "";
}

async function seeds(from: number, goesOn: (seed: number) => boolean, processes: number): Promise<boolean> {
  const totals = newTotals();
  const begun = Date.now();
  const found = await search({ mutant: "-", from, goesOn, processes }, totals);
  if (found) told(found);
  const ends = [...totals.ends].toSorted().map(([state, count]) => `${count} ${state}`);
  const seconds = Math.round((Date.now() - begun) / 1000);
  say(
    `${totals.seeds} seeds in ${seconds} s, each through 3 simulations; ${totals.events} events of rollouts of all shapes: ${ends.join(", ")}`,
  );
  return found === null;
}

function whole(name: string, text: string): number {
  if (/^[1-9][0-9]{0,8}$/.test(text)) return Number(text);
  process.stderr.write(`sim: --${name}: '${text}' is not a whole number from 1\n${USAGE}`);
  process.exit(5);
}

function options() {
  try {
    const number = { type: "string" } as const;
    const { values } = parseArgs({
      options: {
        minutes: number,
        seeds: number,
        seed: number,
        from: number,
        cores: number,
        mutants: { type: "boolean" },
      },
    });
    return values;
  } catch (error) {
    process.stderr.write(`sim: ${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
    process.exit(5);
  }
}

const { minutes, seeds: count, seed, from, cores, mutants: isHunt } = options();
const begin = from === undefined ? 1 : whole("from", from);
const processes = cores === undefined ? availableParallelism() : whole("cores", cores);
let isGood: boolean;
if (isHunt) isGood = await mutants(processes);
else if (seed !== undefined) {
  const wanted = whole("seed", seed);
  const { runFleet } = await import("./fleet-run.ts");
  for (const line of (await runFleet(wanted)).log) say(`  ${line}`);
  isGood = await seeds(wanted, () => false, 1);
} else if (count !== undefined) {
  const last = whole("seeds", count);
  isGood = await seeds(begin, (next) => next < begin + last, Math.min(processes, last));
} else {
  const until = Date.now() + whole("minutes", minutes ?? "2") * 60_000;
  isGood = await seeds(begin, () => Date.now() < until, processes);
}
process.exitCode = isGood ? 0 : 1;

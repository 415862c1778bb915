import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as wait } from "node:timers/promises";
import { seeded } from "../../sim/random.ts";
import { otherLine, programOf } from "./programs.ts";

/** Libraries of the pool; the last ones are loaded only by processes that run old code. */
export const POOL = 300;
const COMMON = 280;
/** One process of this many runs old code. */
const STALE_EVERY = 20;
const STARTED_WITHIN_MS = 300_000;
const START_UP = "a5".repeat(20); // build-id of what the compiler makes, replaced in every copy

/** Programs that the bench compiles, once per run. */
export interface Tools {
  readonly run: string;
  readonly reader: string;
}

/** Processes of a pid and mount namespace of their own. */
export interface Workload {
  /** PID 1 of the namespace, by its number out here. */
  readonly init: number;
  /** Inner numbers of the processes that run old code, by what was done to them. */
  readonly stale: ReadonlyMap<number, "library replaced" | "library deleted" | "executable replaced">;
  end(): Promise<void>;
}

/** Compiles everything into `folder`. */
export function buildTools(folder: string): Tools {
  const compile = (name: string, args: readonly string[]) => {
    const out = join(folder, name);
    execFileSync("gcc", ["-O2", ...args, "-o", out, join(import.meta.dirname, `${name}.c`)], { stdio: "pipe" });
    return out;
  };
  const withBuildId = `-Wl,--build-id=0x${START_UP}`;
  compile("holder", ["-pthread", withBuildId]);
  compile("pool", ["-shared", "-fPIC", withBuildId]);
  return { run: compile("run", []), reader: compile("read-maps", []) };
}

/** Whose children they are: of one program, or each of PID 1, as services are. */
export type Parent = "one program" | "PID 1";

/** Starts `size` processes, waits until all have loaded everything, then makes some of them old. */
export async function startWorkload(
  folder: string,
  { size, parent }: { readonly size: number; readonly parent: Parent },
  signal: AbortSignal,
): Promise<Workload> {
  const at = join(folder, `of-${size}`);
  const libraries = join(at, "lib");
  mkdirSync(libraries, { recursive: true });
  const library = (number: number) => join(libraries, `libpool${number}.so`);
  for (let number = 0; number < POOL; number += 1) copyAs(join(folder, "pool"), library(number), 1);
  const random = seeded(size);
  const below = (limit: number) => Math.floor(random() * limit);
  const changes: Change[] = [];
  const lines = Array.from({ length: size }, (_, index) => {
    const kind = programOf(index);
    if (kind !== "daemon") return otherLine(kind, index, join(at, "srv"));
    const change = index % STALE_EVERY === 7 ? changeOf(Math.floor(index / STALE_EVERY), at, library) : null;
    if (change) changes.push({ ...change, index });
    const program = change?.program ?? join(at, `daemon-${index % 40}`);
    if (!existsSync(program)) copyAs(join(folder, "holder"), program, 1);
    const loaded = new Set<number>(change?.library === undefined ? [] : [change.library]);
    for (const count = 10 + below(51); loaded.size < count; ) loaded.add(below(COMMON));
    return [program, "hold", libraries, 20 + below(101), 5 + below(36), below(9), ...loaded].join(" ");
  });
  writeFileSync(join(at, "spec"), `${lines.join("\n")}\n`);
  copyFileSync(join(folder, "holder"), join(at, "init"));
  // Programs are not started in the second in which they were installed: a scan would have to look twice.
  await wait(2000, undefined, { signal });
  const command = [join(at, "init"), "init", join(at, "spec"), ...(parent === "PID 1" ? ["own"] : [])];
  const { init, pids, end } = await startNamespace(command, signal);
  for (const { path } of changes) rmSync(path, { force: true });
  for (const { kind, path, source } of changes) if (kind !== "library deleted") copyAs(join(folder, source), path, 2);
  return {
    init,
    stale: new Map(changes.map(({ index, kind }) => [pids[index] ?? -1, kind] as const)),
    async end() {
      await end();
      rmSync(at, { recursive: true, force: true });
    },
  };
}

interface Change {
  readonly index: number;
  readonly kind: "library replaced" | "library deleted" | "executable replaced";
  readonly path: string;
  readonly source: "holder" | "pool";
  readonly library?: number;
  readonly program?: string;
}

/** Three of five load a library that is replaced, one loads one that is deleted, one is a program that is replaced. */
function changeOf(nth: number, at: string, library: (number: number) => string): Omit<Change, "index"> {
  const turn = nth % 5;
  if (turn === 4) {
    const program = join(at, `replaced-${nth}`);
    return { kind: "executable replaced", path: program, source: "holder", program };
  }
  const number = turn === 3 ? POOL - 1 - (nth % 4) : COMMON + (nth % 12);
  const kind = turn === 3 ? "library deleted" : "library replaced";
  return { kind, path: library(number), source: "pool", library: number };
}

/** A copy with a build-id of its own, put in place in one step. */
function copyAs(from: string, to: string, version: number): void {
  const bytes = readFileSync(from);
  const place = bytes.indexOf(START_UP, 0, "hex");
  if (place < 0) throw new Error(`${from}: the linker left no build-id in it`);
  createHash("sha1").update(`${to} ${version}`).digest().copy(bytes, place);
  writeFileSync(`${to}.new`, bytes, { mode: 0o755 });
  renameSync(`${to}.new`, to);
}

async function startNamespace(command: readonly string[], signal: AbortSignal) {
  const options = ["--pid", "--fork", "--kill-child", "--mount", "--mount-proc", "--"];
  const unshare = spawn("unshare", [...options, ...command], { cwd: "/", stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise<void>((resolve, reject) => {
    unshare.once("exit", () => resolve());
    unshare.once("error", reject);
  });
  const end = () => {
    unshare.kill("SIGKILL"); // --kill-child takes PID 1 of the namespace along, and that everything in it
    return ended;
  };
  try {
    const pids: number[] = [];
    const within = AbortSignal.any([signal, AbortSignal.timeout(STARTED_WITHIN_MS)]);
    for await (const line of createInterface({ input: unshare.stdout, signal: within })) {
      if (line === "ready") {
        const init = Number(readFileSync(`/proc/${unshare.pid}/task/${unshare.pid}/children`, "utf8").trim());
        return { init, pids, end };
      }
      pids.push(Number(line));
    }
    throw new Error("the processes of the workload did not start");
  } catch (error) {
    await end();
    throw error;
  }
}

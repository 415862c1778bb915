import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";
import type { Tools } from "./workload.ts";

/** What one run of a program cost, with everything that it started. */
export interface Cost {
  readonly cpuMs: number;
  readonly wallMs: number;
  /** Of the largest process. */
  readonly peakMb: number;
}

export interface Run extends Cost {
  readonly stdout: string;
  readonly stderr: string;
  readonly status: number;
}

const LONGEST_S = 180;

/** Runs a command in the namespaces of `init`. */
export async function measure(
  { run }: Tools,
  init: number,
  output: string,
  command: readonly string[],
  signal: AbortSignal,
): Promise<Run> {
  const env = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C", HOME: "/root", TERM: "dumb" };
  const { stdout } = await promisify(execFile)(run, [String(init), String(LONGEST_S), output, ...command], {
    env,
    signal,
    timeout: (LONGEST_S + 20) * 1000,
  });
  const [user = 0, system = 0, wall = 0, peakKb = 0, status = 1] = stdout.trim().split(" ").map(Number);
  return {
    cpuMs: (user + system) / 1000,
    wallMs: wall / 1000,
    peakMb: peakKb / 1024,
    status,
    stdout: readFileSync(output, "latin1"),
    stderr: readFileSync(`${output}.err`, "latin1"),
  };
}

export function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const [low = Number.NaN, high = low] = sorted.length % 2 ? [sorted[middle]] : sorted.slice(middle - 1, middle + 1);
  return (low + high) / 2;
}

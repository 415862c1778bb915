import { execFileSync } from "node:child_process";
import { join } from "node:path";
import type { Run } from "./measure.ts";
import type { Tools } from "./workload.ts";

export interface Contestant {
  readonly name: string;
  readonly command: readonly string[];
  /** The same question with the processes named in the answer, where `command` does not name them. */
  readonly wordy?: readonly string[];
  /** Processes that an answer calls old; absent for what only reads. */
  readonly stale?: (run: Run) => readonly number[];
}

export const OURS = "afterpatch-agent scan -o json";
export const BASE = "needrestart -b -r l -l";
export const BOUND = "C program that reads every maps file";

const ROOT = join(import.meta.dirname, "../../..");

/** `state`: where the agent keeps its inventory of packages; it is there, as on a host with an agent. */
export function contestants({ reader }: Tools, state: string): readonly Contestant[] {
  const agent = [process.execPath, join(ROOT, "packages/agent/dist/afterpatch-agent.mjs"), "scan", "-o", "json"];
  const uses = (run: Run) => numbers(run.stderr, /^\[main\] #(\d+) uses /gm);
  return [
    { name: OURS, command: [...agent, "--state-dir", state], stale: ofScan },
    { name: "the same, without an inventory", command: [...agent, "--state-dir", join(state, "none")], stale: ofScan },
    {
      name: BASE,
      command: ["needrestart", "-b", "-r", "l", "-l"],
      wordy: ["needrestart", "-v", "-b", "-r", "l", "-l"],
      stale: uses,
    },
    {
      name: "needrestart -b -r l",
      command: ["needrestart", "-b", "-r", "l"],
      wordy: ["needrestart", "-v", "-b", "-r", "l"],
      stale: uses,
    },
    {
      name: "checkrestart",
      command: ["checkrestart"],
      wordy: ["checkrestart", "-v"],
      stale: ({ stdout }) => numbers(stdout, /^\[DEBUG\] Process .* \(PID: (\d+)\)/gm),
    },
    {
      name: "lsof -nP",
      command: ["lsof", "-nP"],
      stale: ({ stdout }) => numbers(stdout, /^\S+ +(\d+) .*(?: DEL | \(deleted\)).*$/gm),
    },
    {
      name: "lsof -nP +L1",
      command: ["lsof", "-nP", "+L1"],
      stale: ({ stdout }) => numbers(stdout, /^\S+ +(\d+) .*$/gm),
    },
    { name: BOUND, command: [reader] },
  ];
}

/** Processes that are named in a scan of ours and run old code by it. */
function ofScan({ stdout }: Run): readonly number[] {
  // The document of contracts.md; one that is not throws here or gives another answer than the known one.
  const { findings } = JSON.parse(stdout) as {
    findings: { verdict: string; process: { pid: number } | null }[];
  };
  return findings.flatMap(({ process: found }) => found?.pid ?? []);
}

function numbers(text: string, pattern: RegExp): readonly number[] {
  return [...new Set([...text.matchAll(pattern)].map(([, pid]) => Number(pid)))];
}

/** What of the programs that take part is not on this machine, as words for a person. */
export function missingHere(): readonly string[] {
  const needed = {
    needrestart: "needrestart",
    checkrestart: "debian-goodies",
    lsof: "lsof",
    gcc: "gcc",
    unshare: "util-linux",
    "/usr/bin/python3": "python3",
    "/usr/bin/perl": "perl",
    "/usr/bin/node": "nodejs",
  };
  const missing = Object.entries(needed).flatMap(([program, name]) => (version(program, name) === null ? [name] : []));
  return process.geteuid?.() === 0 ? missing : [...missing, "root"];
}

function version(program: string, debianPackage: string): string | null {
  try {
    execFileSync("sh", ["-c", 'command -v "$1"', "sh", program], { stdio: "ignore" });
  } catch {
    return null; // it is not there
  }
  return versionOf(debianPackage);
}

export function versionOf(debianPackage: string): string {
  try {
    const line = execFileSync("dpkg-query", ["-W", debianPackage], { encoding: "utf8", stdio: "pipe" });
    return line.trim().split("\t")[1] ?? "unknown";
  } catch {
    return "of no package"; // put there by hand
  }
}

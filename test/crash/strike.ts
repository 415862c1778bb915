import { truncate } from "node:fs/promises";
import { constants } from "node:os";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { exitCode } from "../lab/commands.ts";
import { spawnInside } from "../lab/host.ts";
import { childrenOf, identityOf, kill, readOrUndefined } from "../lab/processes.ts";
import { type Site, sizeOf } from "./site.ts";
import { FOLDER } from "./stage.ts";
import { SyncedLength } from "./synced.ts";

/** What is done to a run of the agent, once. */
export type Strike =
  /** kill -9 at the n-th call of one thread: `before` the kernel does it, or `after`. `journal`: calls on its files alone. */
  | {
      readonly kind: "kill";
      readonly call: string;
      readonly nth: number;
      readonly side: "before" | "after";
      readonly on: "journal" | "anything";
      /** What was written and not synced is lost as well, all of it or from somewhere in the middle: 0 to 1, null: it stays. */
      readonly keeps: number | null;
    }
  | { readonly kind: "kill-later"; readonly ms: number; readonly keeps: number | null }
  /** The call fails once, or from then on. */
  | {
      readonly kind: "error";
      readonly call: string;
      readonly nth: number;
      readonly error: "EIO" | "ENOSPC";
      readonly isLasting: boolean;
      readonly keeps: number | null;
    };

export interface Struck {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** The agent was killed, or a call failed. */
  readonly isHit: boolean;
  /** Bytes of the journal that were written, not synced, and lost. */
  readonly lostBytes: number;
}

/** Calls that change the journal or its folder, and that a lost end is reckoned from. */
const WRITES = ["write", "fsync", "fdatasync", "rename", "ftruncate"];
const HOLD_US = 20_000_000;

/** Runs a command of the agent on the host and strikes. `journal`: its file, inside. */
export async function strike(site: Site, argv: readonly string[], journal: string, how: Strike): Promise<Struck> {
  const path = site.path(journal);
  const synced = new SyncedLength(journal, await sizeOf(path));
  const child = await spawnInside(site.host, [...strace(how, journal), ...argv], {
    stdio: ["ignore", "pipe", "pipe", "pipe"],
    // Calls are counted per thread: one thread for files makes their numbers the same in every run.
    env: { LD_LIBRARY_PATH: FOLDER, UV_THREADPOOL_SIZE: "1" },
  });
  const { stdout, stderr, stdio } = child;
  if (!stdout || !stderr || !child.pid) throw new Error("spawned without pipes");
  const shell = child.pid;
  const timer = how.kind === "kill-later" ? setTimeout(() => void killBelow(shell), how.ms) : undefined;
  let hasFailed = false;
  const trace = stdio[3] as Readable; // a pipe, opened for reading
  const watched = (async () => {
    for await (const line of createInterface({ input: trace })) {
      synced.hear(line);
      if (line.includes("(INJECTED)")) hasFailed = true;
      if (how.kind === "kill" && how.side === "after" && line.includes("(DELAYED)")) await killBelow(shell);
    }
  })();
  const [code, out, err] = await Promise.all([exitCode(child), text(stdout), text(stderr), watched]);
  clearTimeout(timer);
  // strace ends as the agent did; a child that it forks may be what was killed, and the agent goes on.
  const isHit = how.kind === "error" ? hasFailed : code === 128 + constants.signals.SIGKILL;
  const lostBytes = !isHit || how.keeps === null ? 0 : await lose(path, synced, how.keeps);
  return { code, stdout: out, stderr: err, isHit, lostBytes };
}

/** kill -9 of the agent, then of strace, which would hold on to a thread that it delays. */
async function killBelow(shell: number): Promise<void> {
  for (const tracer of await childrenOf(shell)) {
    const strace = await identityOf(tracer);
    for (const child of await childrenOf(tracer)) {
      // strace has a cat beside the agent, for its output.
      const comm = (await readOrUndefined(`/proc/${child}/comm`))?.trim() ?? "sh";
      if (comm === "sh" || comm === "cat" || !strace) continue;
      process.kill(child, "SIGKILL"); // it is strace's until strace is gone: the pid is no other's
      await kill(strace);
    }
  }
}

/** The power went off as well: what was not synced is gone, from `keeps` of it on. */
async function lose(path: string, synced: SyncedLength, keeps: number): Promise<number> {
  const size = await sizeOf(path);
  const unsynced = size - synced.bytes;
  if (unsynced <= 0) return 0;
  const kept = synced.bytes + Math.floor(unsynced * keeps);
  await truncate(path, kept);
  return size - kept;
}

function strace(how: Strike, journal: string): readonly string[] {
  const command = [`${FOLDER}/strace`, "-E", "LD_LIBRARY_PATH", "-qq", "-f", "-b", "execve", "-y", "-s", "0"];
  const output = ["-o", "|exec cat >&3"]; // what Node passes as a pipe is a socket, which has no path
  const folder = journal.slice(0, journal.lastIndexOf("/"));
  const paths = [journal, `${journal}.new`, folder].flatMap((path) => ["-P", path]);
  if (how.kind === "kill-later") return [...command, ...output, ...paths, "-e", `trace=${WRITES.join(",")}`];
  const calls = [...new Set([...WRITES, how.call])].join(",");
  const only = how.kind === "kill" && how.on === "anything" ? [] : paths;
  return [...command, ...output, ...only, "-e", `trace=${calls}`, "-e", `inject=${how.call}:${injected(how)}`];
}

function injected(how: Exclude<Strike, { kind: "kill-later" }>): string {
  if (how.kind === "error") return `error=${how.error}:when=${how.nth}${how.isLasting ? "+" : ""}`;
  // strace delivers the signal at the entry, before the kernel does anything; after the exit it holds the thread for us.
  return how.side === "before" ? `signal=KILL:when=${how.nth}` : `delay_exit=${HOLD_US}:when=${how.nth}`;
}

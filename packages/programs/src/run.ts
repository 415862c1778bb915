import { type ChildProcess, spawn } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import type { Command } from "@afterpatch/core/policy/types";
import { redact, visible } from "@afterpatch/core/text";
import { outside, signalUnit } from "./outside.ts";
import { whyUnsafe } from "./unsafe.ts";

const PATH = "/usr/sbin:/usr/bin:/sbin:/bin";
const MOST_BYTES = 64 * 1024;
const LONGEST_LINE = 300;
const LAST_WORDS_MS = 200;
/** After KILL: in an uninterruptible sleep of the kernel not even that ends a program. */
const LAST_BREATH_MS = 5_000;

/** Who runs a program. */
export interface Account {
  readonly user: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

export interface ProgramRun {
  readonly command: Command;
  readonly account: Account;
  readonly timeoutMs: number;
  /** Of the environment, beside PATH, LC_ALL, HOME, USER and LOGNAME: it has nothing else. */
  readonly variables: Readonly<Record<string, string>>;
  /** Between TERM and KILL when the time is up. */
  readonly graceMs?: number;
  /** Ends it as its time does. */
  readonly signal?: AbortSignal;
}

/**
 * Runs a hook or a check in `/`, in a session of its own, and says what went wrong, or null. When its time is up, it and
 * whatever it started get TERM, then KILL. What it leaves behind when it ends in time is its own affair.
 */
export async function runProgram(run: ProgramRun): Promise<string | null> {
  const { account, variables, graceMs = 5_000, signal } = run;
  const unsafe = whyUnsafe(run.command[0], account.uid);
  if (unsafe !== null) return unsafe;
  const { uid, gid, home, user } = account;
  const env = { PATH, LC_ALL: "C", HOME: home, USER: user, LOGNAME: user, ...variables };
  const longestMs = run.timeoutMs + graceMs + LAST_BREATH_MS;
  const apart = outside(run.command, { uid, gid, env, longestMs });
  const [file, ...args] = apart?.words ?? run.command;
  const isOther = apart === null && uid !== process.geteuid?.();
  const child = spawn(file, args, {
    cwd: "/",
    env: apart ? { PATH } : env,
    // A new session: nothing typed at our terminal reaches it, and all of it can be signalled at once.
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    // Supplementary groups are dropped along the way.
    ...(isOther ? { uid, gid } : {}),
  });
  const output = kept(child);
  const ended = endOf(child);
  const inTime = await Promise.race([ended, late(run.timeoutMs, ended, signal)]);
  if (inTime === null) {
    const how = (await endGroup(child, ended, graceMs, apart?.unit ?? null)) ? "was" : `pid ${child.pid} cannot be`;
    const what = signal?.aborted ? "was not waited for" : `did not end within ${run.timeoutMs / 1000} s`;
    return withOutput(`${what} and ${how} ended`, output());
  }
  await closed(child);
  if (inTime.error !== null) return `could not be started (${inTime.error})`;
  if (inTime.code === 0) return null;
  return withOutput(inTime.signal === null ? `exited ${inTime.code}` : `was ended by ${inTime.signal}`, output());
}

interface End {
  readonly code: number | null;
  readonly signal: string | null;
  /** Why it was not started. */
  readonly error: string | null;
}

/** Of the process itself: who holds its pipes open does not keep it running. */
function endOf(child: ChildProcess): Promise<End> {
  return new Promise((resolve) => {
    child.once("exit", (code, signal) => resolve({ code, signal, error: null }));
    child.once("error", (error: NodeJS.ErrnoException) =>
      resolve({ code: null, signal: null, error: error.code ?? error.message }),
    );
  });
}

async function late(timeoutMs: number, ended: Promise<End>, signal?: AbortSignal): Promise<null> {
  const timer = new AbortController();
  void ended.then(() => timer.abort()); // so that nobody waits for a timer that nobody needs
  const abort = () => timer.abort();
  if (signal?.aborted) return null;
  signal?.addEventListener("abort", abort, { once: true });
  try {
    await sleep(timeoutMs, undefined, { signal: timer.signal });
  } catch (error) {
    if (!timer.signal.aborted) throw error;
  }
  signal?.removeEventListener("abort", abort);
  return null;
}

/** TERM to the group, KILL to what is left of it: to all of it, also when its leader has ended by itself. False: it goes on. */
async function endGroup(
  child: ChildProcess,
  ended: Promise<End>,
  graceMs: number,
  unit: string | null,
): Promise<boolean> {
  const signalAll = async (signal: NodeJS.Signals) =>
    unit === null ? signalGroup(child, signal) : signalUnit(unit, signal);
  await signalAll("SIGTERM");
  await Promise.race([ended, late(graceMs, ended)]);
  await signalAll("SIGKILL");
  const end = await Promise.race([ended, late(LAST_BREATH_MS, ended)]);
  await closed(child);
  if (end === null) child.unref();
  return end !== null;
}

/** Reads what is still in the pipes. What it left behind may hold them open: then nobody reads them any more. */
async function closed(child: ChildProcess): Promise<void> {
  const end = new Promise<void>((resolve) => {
    child.once("close", () => resolve());
    if (child.stdout?.closed && child.stderr?.closed) resolve();
  });
  await Promise.race([end, sleep(LAST_WORDS_MS, undefined, { ref: false })]);
  child.stdout?.destroy();
  child.stderr?.destroy();
}

function signalGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}

/** Reads on beyond what is kept, so that a talkative program does not come to a halt. */
function kept({ stdout, stderr }: ChildProcess): () => string {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for (const stream of [stdout, stderr]) {
    stream?.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      bytes += chunk.length;
      // What was said last says why.
      while (bytes - (chunks[0]?.length ?? 0) >= MOST_BYTES) bytes -= chunks.shift()?.length ?? 0;
    });
  }
  return () => Buffer.concat(chunks).toString("utf8");
}

/** The last line it said, without what looks like a secret. */
function withOutput(what: string, output: string): string {
  const line = output
    .split("\n")
    .findLast((text) => text.trim() !== "")
    ?.trim();
  if (line === undefined) return what;
  const shown = visible(redact(line.slice(0, 4 * LONGEST_LINE).split(/\s+/)));
  return `${what}: ${shown.length > LONGEST_LINE ? `${shown.slice(0, LONGEST_LINE).toWellFormed()}...` : shown}`;
}

import { type ChildProcess, spawn } from "node:child_process";
import { realpathSync, type Stats, statSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Program } from "@afterpatch/core/policy/types";
import { redact, visible } from "@afterpatch/core/text";
import { run as ask } from "../effects/run.ts";

const PATH = "/usr/sbin:/usr/bin:/sbin:/bin";
const MOST_BYTES = 64 * 1024;
const LONGEST_LINE = 300;
const ASK_TIMEOUT_MS = 10_000;
const LAST_WORDS_MS = 200;
/** After KILL: in an uninterruptible sleep of the kernel not even that ends a program. */
const LAST_BREATH_MS = 5_000;

export interface ProgramOptions {
  /** Of the environment, beside PATH, LC_ALL, HOME, USER and LOGNAME: it has nothing else. */
  readonly variables: Readonly<Record<string, string>>;
  /** Between TERM and KILL when the time is up. */
  readonly graceMs?: number;
}

/**
 * Runs a hook or a check in `/`, in a session of its own, and says what went wrong, or null. When its time is up, it and
 * whatever it started get TERM, then KILL. What it leaves behind when it ends in time is its own affair.
 */
export async function runProgram(
  program: Program,
  { variables, graceMs = 5_000 }: ProgramOptions,
): Promise<string | null> {
  const account = await accountOf(program.user);
  if (typeof account === "string") return account;
  const unsafe = whyUnsafe(program.command[0], account.uid);
  if (unsafe !== null) return unsafe;
  const [file, ...args] = program.command;
  const { uid, gid, home } = account;
  const env = { PATH, LC_ALL: "C", HOME: home, USER: program.user, LOGNAME: program.user, ...variables };
  const isOther = uid !== process.geteuid?.();
  const child = spawn(file, args, {
    cwd: "/",
    env,
    // A new session: nothing typed at our terminal reaches it, and all of it can be signalled at once.
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    // Supplementary groups are dropped along the way.
    ...(isOther ? { uid, gid } : {}),
  });
  const output = kept(child);
  const ended = endOf(child);
  const inTime = await Promise.race([ended, late(program.timeoutMs, ended)]);
  if (inTime === null) {
    const how = (await endGroup(child, ended, graceMs)) ? "was" : `pid ${child.pid} cannot be`;
    return withOutput(`did not end within ${program.timeoutMs / 1000} s and ${how} ended`, output());
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

async function late(timeoutMs: number, ended: Promise<End>): Promise<null> {
  const timer = new AbortController();
  void ended.then(() => timer.abort()); // so that nobody waits for a timer that nobody needs
  try {
    await sleep(timeoutMs, undefined, { signal: timer.signal });
  } catch (error) {
    if (!timer.signal.aborted) throw error;
  }
  return null;
}

/** TERM to the group, KILL to what is left of it: to all of it, also when its leader has ended by itself. False: it goes on. */
async function endGroup(child: ChildProcess, ended: Promise<End>, graceMs: number): Promise<boolean> {
  signalGroup(child, "SIGTERM");
  await Promise.race([ended, late(graceMs, ended)]);
  signalGroup(child, "SIGKILL");
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

export interface Account {
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

/** Users may be known to the name service alone, see getent(1). A sentence where there is none of this name. */
export async function accountOf(user: string): Promise<Account | string> {
  const { status, stdout, complaint } = await ask("getent", ["passwd", "--", user], ASK_TIMEOUT_MS);
  const [, , uid, gid, , home] = stdout.split("\n", 1)[0]?.split(":") ?? [];
  if (status === 0 && /^[0-9]+$/.test(uid ?? "") && /^[0-9]+$/.test(gid ?? "")) {
    return { uid: Number(uid), gid: Number(gid), home: home || "/" };
  }
  return status === 2 ? `there is no user ${user}` : `user ${user} cannot be looked up: ${visible(complaint)}`;
}

/** Whoever may write a program, or put another in its place, decides what it does: root, or the user that it runs as. */
export function whyUnsafe(file: string, uid: number): string | null {
  try {
    const stat = statSync(file);
    if (!stat.isFile()) return `${file} is not a file`;
    const why = ofStrangers(stat, uid);
    if (why !== null) return `${file} ${why}`;
    for (const folder of new Set([file, realpathSync(file)].flatMap(foldersOf))) {
      const found = statSync(folder);
      // In a sticky folder only its owner can replace what is there, inode(7).
      const strangers = (found.mode & 0o1000) !== 0 && found.uid === 0 ? null : ofStrangers(found, uid);
      if (strangers !== null) return `${folder}, on the way to ${file}, ${strangers}`;
    }
    return null;
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unknown error";
    return code === "ENOENT" ? `there is no program ${file}` : `${file} cannot be looked at (${code})`;
  }
}

function ofStrangers({ uid: owner, gid, mode }: Stats, uid: number): string | null {
  if (owner !== 0 && owner !== uid) return `belongs to uid ${owner}, neither to root nor to its user`;
  const isOpen = (mode & 0o002) !== 0 || ((mode & 0o020) !== 0 && gid !== 0);
  return isOpen ? `may be written by others (mode ${(mode & 0o7777).toString(8)})` : null;
}

function foldersOf(path: string): readonly string[] {
  const folder = dirname(path);
  return folder === path ? [] : [folder, ...foldersOf(folder)];
}

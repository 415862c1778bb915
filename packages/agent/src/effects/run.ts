import { spawn } from "node:child_process";
import { outside } from "@afterpatch/programs/outside";
import type { AsUser } from "../as-user.ts";
import { actingLock } from "../lock.ts";
import { Pinned, processTable } from "./processes.ts";
import { userTime } from "./user-time.ts";

export interface Ran {
  /** Null when it was not there, was killed by a signal or did not end in time. */
  readonly status: number | null;
  readonly stdout: string;
  /** First line of standard error, or why there is no status. */
  readonly complaint: string;
}

const PATH = "/usr/sbin:/usr/bin:/sbin:/bin";
/** Of standard output and of standard error; what a program says beyond it is not kept. */
const LONGEST_BYTES = 1024 * 1024;

export interface RunOptions {
  /** A file descriptor that is kept open for as long as it runs, even when this process is killed. */
  readonly lock?: number | null;
  /** As whom; as the agent itself unless told otherwise. */
  readonly user?: AsUser | null;
  /**
   * It starts daemons that stay: they get the usual umask, and may keep its output open, so that its end is what counts.
   * The lock is held by a shell that waits for it, or they would keep that as well.
   */
  readonly leavesDaemons?: boolean;
  /** It ends this very process, and goes on without it: a pipe that nobody reads any more would end it. */
  readonly isUnheard?: boolean;
}

/** What the manager of a user is given in any case: when its time is up there still has to be said how its unit is. */
const LEAST_MS = 2000;
const USUAL_UMASK = 0o022;
/** Runs its words without the lock, which is descriptor 3. As the last command of a shell they would take its place. */
const HOLDER = '"$@" 3>&-; exit $?';
/** For the rest of its output, once it has ended. */
const LAST_WORDS_MS = 1000;
/** After KILL: in an uninterruptible sleep of the kernel not even that ends a program. */
const LAST_BREATH_MS = 5000;

/**
 * Runs a program with arguments, never through a shell, with nothing of the agent's environment, in English. It has a
 * session of its own: neither Ctrl-C nor the end of our terminal ends it before its time.
 */
export function run(
  program: string,
  args: readonly string[],
  timeoutMs: number,
  { lock = null, user = null, leavesDaemons = false, isUnheard = false }: RunOptions = {},
): Promise<Ran> {
  const env = { PATH, LC_ALL: "C", SYSTEMD_COLORS: "0", ...user?.env };
  const umask = leavesDaemons ? process.umask(USUAL_UMASK) : null;
  const isHeld = lock !== null && leavesDaemons;
  const plain = isHeld ? ["/bin/sh", "-c", HOLDER, "sh", program, ...args] : [program, ...args];
  const apart = user === null ? null : outside(plain, { ...user, env, longestMs: timeoutMs });
  const [file = program, ...words] = apart?.words ?? plain;
  const output = isUnheard ? "ignore" : "pipe";
  const child = spawn(file, words, {
    ...(user === null || apart !== null ? {} : { uid: user.uid, gid: user.gid }),
    env,
    cwd: "/",
    detached: true,
    stdio: ["ignore", output, output, ...(lock === null ? [] : [lock])],
  });
  if (umask !== null) process.umask(umask);
  const stdout = kept(child.stdout);
  const stderr = kept(child.stderr);
  return new Promise((resolve) => {
    let failure = "";
    let isLate = false;
    const late = setTimeout(() => {
      isLate = true;
      if (isHeld) killChildrenOf(child.pid);
      else child.kill("SIGKILL");
    }, timeoutMs);
    const silence = () => {
      for (const stream of [child.stdout, child.stderr]) stream?.destroy();
    };
    const stuck = setTimeout(() => {
      silence();
      child.unref();
      const complaint = `no answer within ${timeoutMs} ms, and pid ${child.pid} cannot be ended`;
      resolve({ status: null, stdout: stdout(), complaint });
    }, timeoutMs + LAST_BREATH_MS);
    // It waits for our end: none of this may keep us.
    if (isUnheard) for (const each of [child, late, stuck]) each.unref();
    child.once("error", (error) => {
      failure = error.message;
    });
    // Whoever it left behind, which may be a user's doing, can hold its output open for ever.
    child.once("exit", () => {
      clearTimeout(late);
      const end = setTimeout(silence, LAST_WORDS_MS);
      child.once("close", () => clearTimeout(end));
    });
    child.once(leavesDaemons && child.pid !== undefined ? "exit" : "close", (status, signal) => {
      clearTimeout(late);
      clearTimeout(stuck);
      if (leavesDaemons) silence();
      const why = failure || (isLate ? `no answer within ${timeoutMs} ms` : `ended by ${signal}`);
      const known = failure === "" && !isLate ? status : null;
      resolve({ status: known, stdout: stdout(), complaint: known === null ? why : complaintOf(stderr(), known) });
    });
  });
}

function complaintOf(stderr: string, status: number): string {
  const line = stderr.split("\n").find((text) => text.trim() !== "");
  return line?.trim() ?? `exit code ${status}`;
}

/** What a shell waits for: the shell ends when that has. */
function killChildrenOf(shell: number | undefined): void {
  for (const [pid, { ppid, startTicks }] of processTable()) {
    const child = ppid === shell ? Pinned.open({ pid, startTicks }) : null;
    child?.signal("SIGKILL");
    child?.close();
  }
}

/**
 * `systemctl VERB` to PID 1 or to the manager of a user, without pager and password questions. It outlives an agent that
 * is killed, and so does the lock; but a program that runs as a user can be made to give its files away.
 */
export function systemctl(args: readonly string[], timeoutMs: number, user: AsUser | null = null): Promise<Ran> {
  const plain = ["--no-pager", "--no-ask-password", ...args];
  if (user !== null) {
    const leftMs = Math.max(LEAST_MS, userTime.leftOf(user.uid));
    return run("systemctl", ["--user", ...plain], Math.min(timeoutMs, leftMs), { user });
  }
  return run("systemctl", plain, timeoutMs, { lock: actingLock() });
}

/** Reads on beyond what is kept: a program whose output nobody takes would come to a halt. */
function kept(stream: NodeJS.ReadableStream | null): () => string {
  const chunks: Buffer[] = [];
  let bytes = 0;
  stream?.on("data", (chunk: Buffer) => {
    if (bytes < LONGEST_BYTES) chunks.push(chunk.subarray(0, LONGEST_BYTES - bytes));
    bytes += chunk.length;
  });
  return () => Buffer.concat(chunks).toString("utf8");
}

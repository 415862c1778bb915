import { spawnSync } from "node:child_process";
import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseStat } from "@afterpatch/core/proc/stat";
import { isRunning } from "./effects/processes.ts";

/** One process at a time acts on the host, whatever its state directory: the scope of the lock is that of /run. */
export const ACT_LOCK = "/run/afterpatch/act.lock";
const POLL_MS = 100;

export interface Lock {
  release(): void;
}

/** The lock of acting while this process has it. It is the process's own, as its pid is. */
let acting: number | null = null;

/**
 * A child that is given this file descriptor goes on holding the lock when this process is killed: whoever acts next
 * finds what the child began either done or not begun, never under way. Null when this process does not act.
 */
export function actingLock(): number | null {
  return acting;
}

/**
 * Takes the lock `name` of a directory, or says null when another process has it. flock(1) locks the open file
 * that it inherits from us, see flock(2): the lock is ours when it has ended, and vanishes with us and our heirs.
 */
export function takeLock(directory: string, name: string): Lock | null {
  const fd = lockedFile(join(directory, name));
  return fd === null ? null : { release: () => closeSync(fd) };
}

/** Takes the lock of acting on this host, or says null when another process acts. */
export function takeActLock(path: string = ACT_LOCK): Lock | null {
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
  const fd = lockedFile(path);
  if (fd === null) return null;
  ftruncateSync(fd);
  writeSync(fd, `${process.pid} ${parseStat(readFileSync("/proc/self/stat", "latin1"))?.startTicks}\n`, 0);
  acting = fd;
  return {
    release() {
      acting = null;
      closeSync(fd);
    },
  };
}

/**
 * Takes the lock of acting, and waits for it where its holder was killed and only what that holder began still runs.
 * `waits` is called once before. Null when another agent acts, or when it takes longer than `timeoutMs`.
 */
export async function takeActLockOfTheDead(
  waits: () => void,
  timeoutMs: number,
  path: string = ACT_LOCK,
): Promise<Lock | null> {
  const start = performance.now();
  for (let isFirst = true; ; isFirst = false) {
    const lock = takeActLock(path);
    if (lock || holderLives(path) || performance.now() - start > timeoutMs) return lock;
    if (isFirst) waits();
    await sleep(POLL_MS);
  }
}

/** Whether the process that took the lock last still runs. One that is just about to write its name is alive. */
function holderLives(path: string): boolean {
  const [, pid, startTicks] = /^([0-9]+) ([0-9]+)\n$/.exec(readFileSync(path, "latin1")) ?? [];
  return startTicks === undefined || isRunning({ pid: Number(pid), startTicks: Number(startTicks) });
}

function lockedFile(path: string): number | null {
  for (;;) {
    const fd = openSync(
      path,
      constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK,
      0o600,
    );
    const { status, error } = spawnSync("flock", ["-n", "3"], {
      stdio: ["ignore", "ignore", "ignore", fd],
      env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" },
    });
    // Who removed the file, or put another in its place, has made this lock one that nobody else looks at.
    if (status === 0 && statSync(path, { throwIfNoEntry: false })?.ino === fstatSync(fd).ino) return fd;
    closeSync(fd);
    if (status === 0) continue;
    if (status === 1) return null;
    throw new Error(`${path} cannot be locked: flock ${error ? error.message : `ended with ${status}`}`);
  }
}

import { spawnSync } from "node:child_process";
import { closeSync, constants, openSync } from "node:fs";
import { join } from "node:path";

/** One process at a time acts on the host. */
export const ACT_LOCK = "act.lock";

export interface Lock {
  release(): void;
}

/**
 * Takes the lock `name` of a state directory, or says null when another process has it. flock(1) locks the open file
 * that it inherits from us, see flock(2): the lock is ours when it has ended, and vanishes with us.
 */
export function takeLock(stateDir: string, name: string = ACT_LOCK): Lock | null {
  const path = join(stateDir, name);
  const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
  const { status, error } = spawnSync("flock", ["-n", "3"], {
    stdio: ["ignore", "ignore", "ignore", fd],
    env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" },
  });
  if (status === 0) return { release: () => closeSync(fd) };
  closeSync(fd);
  if (status === 1) return null;
  throw new Error(`${path} cannot be locked: flock ${error ? error.message : `ended with ${status}`}`);
}

import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

/** Whether this machine can mount what the tests need. Where CI is set they are run and fail instead. */
export const canMount = process.env.CI
  ? true
  : spawnSync("sh", ["-c", "[ $(id -u) = 0 ] && [ -c /dev/fuse ] && [ -b /dev/loop0 ]"]).status === 0;

/** A FUSE file system whose server never answers: who touches it hangs until it is killed. Gone after the test. */
export async function mountThatNeverAnswers(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "afterpatch-never-"));
  const options = "fd=3,rootmode=40000,user_id=0,group_id=0";
  const mount = `exec 3<>/dev/fuse && mount -i -t fuse -o ${options} never "$0"`;
  // umount touches it too, and is told that the server is gone.
  return held(folder, mount, "exec 3>&-");
}

/** A frozen file system: who writes to it hangs, and cannot be killed until it is thawed, at the end of the test. */
export async function frozenMount(): Promise<{ readonly folder: string; thaw(): void }> {
  const folder = await mkdtemp(join(tmpdir(), "afterpatch-frozen-"));
  const make = 'truncate --size 16M "$0.img" && mkfs.ext4 -q -F "$0.img" && mount -o loop "$0.img" "$0"';
  await held(folder, `${make} && fsfreeze --freeze "$0"`, 'fsfreeze --unfreeze "$0"; rm -f "$0.img"');
  return { folder, thaw: () => void spawnSync("fsfreeze", ["--unfreeze", folder]) };
}

/** The script stays until the test has ended, or its process was killed, and cleans up after both. */
async function held(folder: string, mount: string, unmount: string): Promise<string> {
  const script = `${mount} && echo mounted && cat; ${unmount}; umount --lazy "$0"; rmdir "$0"`;
  const child = spawn("sh", ["-c", script, folder], { stdio: ["pipe", "pipe", "ignore"], detached: true });
  const ended = once(child, "exit");
  onTestFinished(async () => {
    child.stdin.end();
    await ended;
  });
  const [said] = await Promise.race([once(child.stdout, "data"), ended]);
  if (!String(said).startsWith("mounted")) throw new Error(`${folder} could not be mounted`);
  return folder;
}

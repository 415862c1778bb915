import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

/** Whether this machine can mount what the tests need. Where CI is set they are run and fail instead. */
export const canMount = process.env.CI
  ? true
  : spawnSync("sh", ["-c", "[ $(id -u) = 0 ] && [ -c /dev/fuse ] && [ -b /dev/loop0 ]"]).status === 0;

/** A FUSE file system whose server never answers: who touches it hangs until it is killed. Unmounted after the test. */
export async function mountThatNeverAnswers(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "afterpatch-never-"));
  const options = "fd=3,rootmode=40000,user_id=0,group_id=0";
  const script = `exec 3<>/dev/fuse && mount -i -t fuse -o ${options} never "$0" && echo mounted && exec sleep 1000`;
  return held(folder, script);
}

/** A frozen file system: who writes to it hangs, and cannot be killed until it is thawed, at the end of the test. */
export async function frozenMount(): Promise<{ readonly folder: string; thaw(): void }> {
  const folder = await mkdtemp(join(tmpdir(), "afterpatch-frozen-"));
  const image = `${folder}.img`;
  onTestFinished(() => rm(image, { force: true }));
  const make = 'truncate --size 16M "$0.img" && mkfs.ext4 -q -F "$0.img" && mount -o loop "$0.img" "$0"';
  await held(folder, `${make} && fsfreeze --freeze "$0" && echo mounted && exec sleep 1000`);
  const thaw = (): void => void spawnSync("fsfreeze", ["--unfreeze", folder]);
  onTestFinished(thaw);
  return { folder, thaw };
}

/** Mounts by a script that stays, so that what it holds open stays. */
async function held(folder: string, script: string): Promise<string> {
  const child = spawn("sh", ["-c", script, folder], { stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(child, "exit");
  onTestFinished(async () => {
    child.kill("SIGKILL"); // who touches a FUSE file system whose server is gone is told so, and umount touches it
    await ended;
    spawnSync("umount", ["--lazy", folder]);
    await rm(folder, { recursive: true, force: true });
  });
  const [said] = await Promise.race([once(child.stdout, "data"), ended]);
  if (!String(said).startsWith("mounted")) throw new Error(`${folder} could not be mounted`);
  return folder;
}

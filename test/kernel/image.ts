import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { open, readdir, readFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { cacheDirectory, ensureBase } from "../lab/base.ts";
import { exitCode, LabError } from "../lab/commands.ts";

/** What virtual machines are made from. Never booted or written: machines lay their own disk over `disk`. */
export interface Image {
  readonly directory: string;
  /** Raw, with a partition table, GRUB and the older kernel. */
  readonly disk: string;
  readonly old: Kernel;
  readonly newest: Kernel;
}

/** A kernel of the Debian archive: its release, what `uname -r` prints, and the version of its package. */
export interface Kernel {
  readonly release: string;
  readonly version: string;
}

/** The package that installs a kernel. */
export function packageOf({ directory }: Image, { release }: Kernel): string {
  return join(directory, "debs", `linux-image-${release}.deb`);
}

/** The image for the recipe in this directory, built first when there is none: half a minute over the lab's base. */
export async function ensureImage(say: (line: string) => void, signal?: AbortSignal): Promise<Image> {
  const { rootfs } = await ensureBase(say, signal);
  const directory = join(cacheDirectory(), `kernel-${await recipeDigest(basename(dirname(rootfs)))}`);
  if (!existsSync(directory)) await build(directory, rootfs, say, signal);
  const facts: unknown = JSON.parse(await readFile(join(directory, "image.json"), "utf8"));
  // Written by image.sh only, whose digest is in the directory's name.
  const { old, newest } = facts as Pick<Image, "old" | "newest">;
  return { directory, disk: join(directory, "disk.img"), old, newest };
}

const RECIPE = join(import.meta.dirname, "image");

async function recipeDigest(base: string): Promise<string> {
  const hash = createHash("sha256").update(base);
  const files = await readdir(RECIPE, { recursive: true, withFileTypes: true });
  const paths = files.filter((file) => file.isFile()).map((file) => join(file.parentPath, file.name));
  for (const path of paths.sort()) hash.update(path.slice(RECIPE.length)).update(await readFile(path));
  return hash.digest("hex").slice(0, 12);
}

async function build(
  directory: string,
  rootfs: string,
  say: (line: string) => void,
  signal?: AbortSignal,
): Promise<void> {
  const log = `${directory}.log`;
  say(`making the virtual machine's disk, which takes half a minute; the log is ${log}`);
  const output = await open(log, "a");
  try {
    const apart = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh"];
    // Killed with this process; two at once wait for one another, and the second finds the work done.
    const alone = ["--pdeathsig", "KILL", "flock", "--no-fork", join(cacheDirectory(), "kernel.lock")];
    const child = spawn("setpriv", [...alone, ...apart, join(RECIPE, "image.sh"), directory, rootfs], {
      stdio: ["ignore", output.fd, output.fd],
      ...(signal === undefined ? {} : { signal, killSignal: "SIGKILL" }),
    });
    const code = await exitCode(child);
    if (code !== 0) throw new LabError("command-failed", `kernel image: image.sh ended with ${code}; read ${log}`);
  } finally {
    await output.close();
  }
}

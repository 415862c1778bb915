import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, open, readFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { type Base, cacheDirectory } from "./base.ts";
import { exitCode, LabError } from "./commands.ts";

/** What to install over a base image. */
export interface Layer {
  readonly name: string;
  /** `NAME`, or `NAME-` to remove it. */
  readonly packages: readonly string[];
}

/** The disk of a layer, for overlays between the base image and a host; made first when there is none, once. */
export async function ensureLayer(
  { name, packages }: Layer,
  { rootfs }: Base,
  say: (line: string) => void,
  signal?: AbortSignal,
): Promise<string> {
  const script = join(import.meta.dirname, "layer.sh");
  const hash = createHash("sha256").update(await readFile(script));
  hash.update(`${basename(dirname(rootfs))} ${packages.join(" ")}`);
  const directory = join(cacheDirectory(), `${name}-${hash.digest("hex").slice(0, 12)}`);
  const upper = join(directory, "upper");
  if (existsSync(directory)) return upper;
  await mkdir(cacheDirectory(), { recursive: true });
  say(`installing ${packages.join(" ")} over the base image; the log is ${directory}.log`);
  const log = await open(`${directory}.log`, "a");
  try {
    const apart = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", script, directory, rootfs];
    // Killed with this process; two at once wait for one another, and the second finds the work done.
    const alone = ["--pdeathsig", "KILL", "flock", "--no-fork", join(cacheDirectory(), `${name}.lock`)];
    const child = spawn("setpriv", [...alone, ...apart, ...packages], {
      stdio: ["ignore", log.fd, log.fd],
      ...(signal === undefined ? {} : { signal, killSignal: "SIGKILL" }),
    });
    const code = await exitCode(child);
    if (code !== 0) throw new LabError("command-failed", `${name}: layer.sh ended with ${code}; read ${directory}.log`);
  } finally {
    await log.close();
  }
  return upper;
}

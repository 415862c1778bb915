import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, open, readFile, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { exitCode, LabError } from "./commands.ts";

/** What every host of a lab is made from. Never booted or written: hosts lay an overlay over `rootfs`. */
export interface Base {
  readonly rootfs: string;
  /** Packages `NAME_VERSION.deb` of the versions below. */
  readonly debs: string;
  /** What is installed in `rootfs`, and what replaces it. */
  readonly libssl: Versions;
  readonly imapd: Versions;
}

export interface Versions {
  readonly old: string;
  readonly newest: string;
}

/** Where images and running labs are kept: `AFTERPATCH_LAB_CACHE`, else `afterpatch/lab` in the user's cache. */
export function cacheDirectory(): string {
  const { AFTERPATCH_LAB_CACHE: own, XDG_CACHE_HOME: cache } = process.env;
  if (own !== undefined && own !== "") return own;
  return join(cache === undefined || cache === "" ? join(homedir(), ".cache") : cache, "afterpatch", "lab");
}

/** The base image for the recipe in base.sh, built first when there is none: a minute or two, 400 MB, once. */
export async function ensureBase(say: (line: string) => void, signal?: AbortSignal): Promise<Base> {
  const cache = cacheDirectory();
  const directory = join(cache, `base-${await recipeDigest()}`);
  if (!(await exists(directory))) await build(cache, directory, say, signal);
  return readBase(directory);
}

/** The facts of a base image, from where its lab recorded it. */
export async function readBase(directory: string): Promise<Base> {
  const facts: unknown = JSON.parse(await readFile(join(directory, "base.json"), "utf8"));
  // Written by base.sh only, whose digest is in the directory's name.
  const { libssl, imapd } = facts as Pick<Base, "libssl" | "imapd">;
  return { rootfs: join(directory, "rootfs"), debs: join(directory, "debs"), libssl, imapd };
}

async function recipeDigest(): Promise<string> {
  const hash = createHash("sha256").update(process.arch);
  for (const file of ["base.sh", "imapd.c", "imapd.xinetd"]) hash.update(await readFile(beside(file)));
  return hash.digest("hex").slice(0, 12);
}

async function build(
  cache: string,
  directory: string,
  say: (line: string) => void,
  signal?: AbortSignal,
): Promise<void> {
  await mkdir(cache, { recursive: true });
  const log = `${directory}.log`;
  say(`making the base image, which takes a minute or two; the log is ${log}`);
  const output = await open(log, "a");
  try {
    // Killed with this process; two builds at once wait for one another, and the second finds the work done.
    const child = spawn(
      "setpriv",
      ["--pdeathsig", "KILL", "flock", "--no-fork", join(cache, "base.lock")].concat([
        "unshare",
        "--mount",
        "--pid",
        "--fork",
        "--kill-child",
        "sh",
        beside("base.sh"),
        directory,
      ]),
      { stdio: ["ignore", output.fd, output.fd], ...(signal === undefined ? {} : { signal, killSignal: "SIGKILL" }) },
    );
    const code = await exitCode(child);
    if (code !== 0) throw new LabError("command-failed", `base image: base.sh ended with ${code}; read ${log}`);
  } finally {
    await output.close();
  }
}

function beside(file: string): string {
  return join(import.meta.dirname, file);
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path, { bigint: false }).catch(() => undefined)) !== undefined;
}

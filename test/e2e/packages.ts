import { execFile } from "node:child_process";
import { cp, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { ROOT } from "../../deploy/bundling.ts";
import { versionOf } from "../../deploy/package/bundle.ts";
import { execOk, type Host } from "../lab/host.ts";

const run = promisify(execFile);
const MAKE = fileURLToPath(new URL("../../deploy/package/main.ts", import.meta.url));

/** Single executable of `npm run package`. */
export function executableOf(program: string): string {
  return join(ROOT, "dist/sea", program);
}

export interface Packages {
  /** Appears inside hosts, read only, as /opt/afterpatch. */
  readonly directory: string;
  /** Version of the packages, and of the agent's that are newer. */
  readonly version: string;
  readonly newer: readonly [string, string];
  remove(): Promise<void>;
}

/**
 * The packages of one kind that `npm run package` made, and two newer ones of the agent, made now from the same sources.
 * Throws Error saying what to run when there are none.
 */
export async function stagePackages(format: "deb" | "rpm", newest = 2): Promise<Packages> {
  const version = await versionOf("agent");
  const [major, minor, patch] = version.split(".").map(Number);
  const later = (by: number) => `${major}.${minor}.${Number(patch) + by}`;
  const directory = await mkdtemp(join(tmpdir(), "afterpatch-packages-"));
  try {
    await collect(join(ROOT, "dist"), format, directory);
    for (const newer of [later(1), later(2)].slice(0, newest)) {
      const out = join(directory, newer);
      await run(process.execPath, [MAKE, "--out", out, "--version", newer, "--part", "agent", "--format", format]);
      await collect(out, format, directory);
      await rm(out, { recursive: true });
    }
  } catch (error) {
    await rm(directory, { recursive: true, force: true });
    throw error;
  }
  const remove = () => rm(directory, { recursive: true, force: true });
  return { directory, version, newer: [later(1), later(2)], remove };
}

async function collect(from: string, format: string, directory: string): Promise<void> {
  const names = await readdir(from).catch(() => []);
  const made = names.filter((name) => name.endsWith(`.${format}`));
  if (made.length === 0) throw new Error(`${from}: no .${format} in it; run: npm run package`);
  for (const name of made) await cp(join(from, name), join(directory, name));
}

/** Every path on a host's disk that packages and programs may leave behind. */
export async function pathsOn(host: Host): Promise<ReadonlySet<string>> {
  const left = ["/proc", "/sys", "/run", "/tmp", "/root", "/var/log", "/var/cache", "/var/tmp", "/var/lib/dpkg"];
  const prune = left.flatMap((path) => ["-path", path, "-o"]).slice(0, -1);
  const found = await execOk(host, ["find", "/", "-xdev", "(", ...prune, ")", "-prune", "-o", "-print"]);
  return new Set(found.split("\n").filter((path) => path !== ""));
}

/** Paths that are there now and were not before, sorted. */
export async function newPathsOn(host: Host, before: ReadonlySet<string>): Promise<readonly string[]> {
  return [...(await pathsOn(host))].filter((path) => !before.has(path)).sort();
}

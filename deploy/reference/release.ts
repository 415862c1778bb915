import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import manifest from "../../package.json" with { type: "json" };

const ROOT = resolve(import.meta.dirname, "../..");

export const version: string = manifest.version;

/**
 * The day of the release whose sources these are, never today: by the changelog; before it is there by SOURCE_DATE_EPOCH,
 * as builders of distributions set it (reproducible-builds.org), or the last commit. Without any of them, 1970.
 */
export function releaseDate(): string {
  const changelog = readFileSync(join(ROOT, "CHANGELOG.md"), "utf8");
  const released = [...changelog.matchAll(/^## \[(.+)\] - (\d{4}-\d{2}-\d{2})$/gm)].find(([, of]) => of === version);
  if (released) return released[2] ?? "";
  const { stdout } = spawnSync("git", ["log", "-1", "--format=%ct"], { cwd: ROOT, encoding: "utf8" });
  const seconds = Number(process.env.SOURCE_DATE_EPOCH || stdout || 0);
  return new Date(seconds * 1000).toISOString().slice(0, 10);
}

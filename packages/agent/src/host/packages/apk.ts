import { createHash } from "node:crypto";
import { type BigIntStats, lstatSync } from "node:fs";
import { join } from "node:path";
import { type ApkPackage, parseApkInstalled } from "@afterpatch/core/packages/apk";
import { codeOf, pathOf } from "../read.ts";
import type { Answers, InstalledPackage } from "./ask.ts";
import { type Allowance, allowance, readBytes } from "./bytes.ts";

const LONGEST = 128 * 1024 * 1024;
const LONGEST_FILE = 256 * 1024 * 1024;

/** Is there a database of apk? `directory`: /lib/apk/db. */
export function hasApk(directory: string): boolean {
  return (tryStat(join(directory, "installed"))?.size ?? 0n) > 0n;
}

/**
 * Owners of paths, from apk's database alone. It has no times: a file is of the version that it names where its SHA-1 is
 * the one that the database has, and was installed when it was born.
 */
export function askApk(
  paths: readonly string[],
  { directory, root }: { readonly directory: string; readonly root: string },
  allowed: Allowance,
): Answers {
  const read = readBytes(join(directory, "installed"), LONGEST, allowed);
  if (read.kind !== "bytes") {
    const why = read.kind === "missing" ? "it is gone" : read.why;
    return { owners: new Map(), notes: [`apk: installed: ${why}: packages are not named`] };
  }
  // Its folders are those of the archive: on a merged /usr a library of /lib is found as one of /usr/lib.
  const asked = new Map(
    paths.flatMap((path) => [path, path.replace(/^\/usr(?=\/(?:s?bin|lib)\/)/, "")].map((one) => [one, path])),
  );
  const owners = new Map<string, InstalledPackage | null>(paths.map((path) => [path, null]));
  for (const entry of parseApkInstalled(read.bytes.toString("latin1"), { paths: new Set(asked.keys()) })) {
    for (const [listed, sha1] of entry.files) {
      const path = asked.get(listed);
      if (path !== undefined) owners.set(path, owned(entry, root + path, sha1, allowed));
    }
  }
  return { owners, notes: [] };
}

/** What is installed under these names. */
export function apkPackages(
  names: ReadonlySet<string>,
  directory: string,
  allowed: Allowance,
): readonly InstalledPackage[] {
  const read = readBytes(join(directory, "installed"), LONGEST, allowed);
  if (read.kind !== "bytes") return [];
  return parseApkInstalled(read.bytes.toString("latin1"), { names }).map((entry) => described(entry, null));
}

/** How many packages are installed, 0 without a database. */
export function apkCount(directory: string): number {
  const read = readBytes(join(directory, "installed"), LONGEST, allowance());
  return read.kind === "bytes" ? [...read.bytes.toString("latin1").matchAll(/^P:/gm)].length : 0;
}

function owned(entry: ApkPackage, path: string, sha1: string | null, allowed: Allowance): InstalledPackage {
  const file = sha1 === null ? null : readBytes(path, LONGEST_FILE, allowed);
  const isIts = file?.kind === "bytes" && createHash("sha1").update(file.bytes).digest("base64") === sha1;
  const bornAt = file?.kind === "bytes" ? Number(file.stat.birthtimeNs / 1_000_000n) : 0;
  return isIts && bornAt > 0 ? described(entry, bornAt) : { ...described(entry, null), version: null };
}

function described({ name, version, architecture }: ApkPackage, installedAt: number | null): InstalledPackage {
  return { name, shown: name, version, architecture, installedAt };
}

function tryStat(path: string): BigIntStats | null {
  try {
    return lstatSync(pathOf(path), { bigint: true });
  } catch (error) {
    codeOf(error); // not there, or not ours to see
    return null;
  }
}

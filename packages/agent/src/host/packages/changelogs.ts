import { realpathSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { type Changelog, fixedBetween, parseDebianChangelog, parseRpmChangelog } from "@afterpatch/core/cve/changelog";
import { bareName } from "@afterpatch/core/packages/inventory";
import type { FoundPackage } from "@afterpatch/core/scan";
import { type Databases, remoteNote } from "./ask.ts";
import { type Allowance, allowance, readBytes } from "./bytes.ts";
import { codeOf } from "../read.ts";
import { hasDpkg } from "./dpkg.ts";
import { hasRpm, rpmChangelog } from "./rpm.ts";

const LONGEST_PACKED = 16 * 1024 * 1024;
const LONGEST_TEXT = 64 * 1024 * 1024;
/** Debian Policy 12.7: that of the Debian package, or of a native one. Some systems unpack or cut them. */
const FILES = ["changelog.Debian.gz", "changelog.Debian", "changelog.gz", "changelog"];
const PACKAGE = /^[A-Za-z0-9][A-Za-z0-9+._-]{0,127}$/;

/** A package whose versions in memory and on the disk are known. */
type Upgrade = Pick<FoundPackage, "name" | "from" | "to">;

/** Tells what was fixed between the version in memory and that on the disk, each package read once; null: nobody can tell. */
export function fixesOf(databases: Databases): (upgrade: Upgrade) => readonly string[] | null {
  const allowed = allowance();
  const known = new Map<string, readonly string[] | null>();
  const logs = new Map<string, Changelog | null>();
  return ({ name, from, to }) => {
    if (from === null || to === null) return null;
    const key = `${name} ${from} ${to}`;
    const told = known.get(key);
    if (told !== undefined) return told;
    const bare = bareName(name);
    if (!logs.has(bare)) logs.set(bare, changelogOf(bare, databases, allowed));
    const changelog = logs.get(bare) ?? null;
    const fixed = changelog && fixedBetween(changelog, from, to);
    known.set(key, fixed);
    return fixed;
  };
}

/** The changelog of an installed package, by its name alone; null where there is none that can be read. */
export function changelogOf(name: string, databases: Databases, allowed: Allowance): Changelog | null {
  if (!PACKAGE.test(name) || name.includes("..")) return null;
  const debian = hasDpkg(databases.dpkg) ? debianChangelog(name, databases.root, allowed) : null;
  if (debian !== null || !hasRpm(databases.rpm)) return debian;
  const text = rpmChangelog(name, databases.rpm);
  return text === null ? null : parseRpmChangelog(text);
}

function debianChangelog(name: string, root: string, allowed: Allowance): Changelog | null {
  if (remoteNote(`${root}/usr/share/doc`) !== null) return null;
  const file = changelogFile(name, root);
  const text = file === null ? null : changelogText(file, allowed);
  return text && parseDebianChangelog(text.toString("latin1"));
}

/** Where Debian's changelog of a package is: those of one source often share a folder, by a link. Null: nowhere. */
export function changelogFile(name: string, root: string): string | null {
  if (!PACKAGE.test(name)) return null;
  const docs = `${root}/usr/share/doc`;
  for (const file of FILES) {
    const path = insideOf(docs, `${docs}/${name}/${file}`);
    if (path !== null) return path;
  }
  return null;
}

/** One byte per character; null where it cannot be read or unpacked. */
export function changelogText(file: string, allowed: Allowance): Buffer | null {
  const read = readBytes(file, LONGEST_PACKED, allowed);
  if (read.kind !== "bytes") return null;
  return file.endsWith(".gz") ? unpacked(read.bytes) : read.bytes;
}

/** Where a path leads, if that is below `folder`; one byte per character, as `readBytes` takes them. */
function insideOf(folder: string, path: string): string | null {
  try {
    const [base, real] = [realpathSync(folder, "latin1"), realpathSync(path, "latin1")];
    return real.startsWith(`${base}/`) ? real : null;
  } catch (error) {
    codeOf(error); // not there
    return null;
  }
}

function unpacked(bytes: Buffer): Buffer | null {
  try {
    return gunzipSync(bytes, { maxOutputLength: LONGEST_TEXT });
  } catch (error) {
    if (!(error instanceof Error) || !("code" in error)) throw error;
    return null; // damaged, or too long
  }
}

import { join } from "node:path";
import { type Changelog, parseDebianChangelog, parseRpmChangelog } from "@afterpatch/core/cve/changelog";
import { parseDpkgStatus } from "@afterpatch/core/packages/dpkg-status";
import type { Databases } from "./ask.ts";
import type { Allowance } from "./bytes.ts";
import { readBytes } from "./bytes.ts";
import { changelogFile, changelogText } from "./changelogs.ts";
import { apkCount } from "./apk.ts";
import { pacmanCount } from "./pacman.ts";
import { hasDpkg } from "./dpkg.ts";
import { hasRpm, rpmChangelogs } from "./rpm.ts";

/** A package whose changelog may name what is looked for. */
export interface NamedIn {
  readonly name: string;
  readonly version: string | null;
  readonly changelog: Changelog;
}

export interface InstalledChangelogs {
  readonly found: readonly NamedIn[];
  /** Packages of which no changelog could be read. */
  readonly untold: number;
}

const LONGEST_STATUS = 64 * 1024 * 1024;
/** All changelogs of a large host, packed, and the time to unpack them. */
const ALL_BYTES = 1024 * 1024 * 1024;
const ALL_MS = 60_000;

/** Packages of this host in whose changelog the text stands. */
export function installedChangelogs(text: string, databases: Databases): InstalledChangelogs {
  const allowed: Allowance = { bytes: ALL_BYTES, until: performance.now() + ALL_MS };
  const parts = [
    ...(hasDpkg(databases.dpkg) ? [debian(text, databases, allowed)] : []),
    ...(hasRpm(databases.rpm) ? [rpm(text, databases)] : []),
    // Neither keeps changelogs of what is installed.
    ...[apkCount(databases.apk), pacmanCount(databases.pacman)].map((untold) => ({ found: [], untold })),
  ];
  return {
    found: parts.flatMap(({ found }) => found),
    untold: parts.reduce((sum, part) => sum + part.untold, 0),
  };
}

/** Packages of one source share a changelog: it is unpacked once, and understood only where the text stands in it. */
function debian(wanted: string, { dpkg, root }: Databases, allowed: Allowance): InstalledChangelogs {
  const status = readBytes(join(dpkg, "status"), LONGEST_STATUS, allowed);
  if (status.kind !== "bytes") return { found: [], untold: 1 };
  const text = status.bytes.toString("latin1");
  const names = new Set([...text.matchAll(/^Package: ([^\n]{1,128})$/gm)].map(([, name = ""]) => name.trim()));
  const known = new Map<string, Changelog | "without" | null>();
  const found: NamedIn[] = [];
  let untold = 0;
  for (const { name, version } of parseDpkgStatus(text, names)) {
    const file = changelogFile(name, root);
    const told = file === null ? null : known.get(file);
    const changelog = told !== undefined ? told : file === null ? null : look(file, wanted, allowed);
    if (file !== null) known.set(file, changelog);
    if (changelog === null) untold += 1;
    else if (changelog !== "without") found.push({ name, version, changelog });
  }
  return { found, untold };
}

function look(file: string, wanted: string, allowed: Allowance): Changelog | "without" | null {
  const text = changelogText(file, allowed);
  if (text === null) return null;
  // The digits alone: the letters before them are written in either case.
  return text.includes(wanted.replace(/^[A-Z]+-/, "")) ? parseDebianChangelog(text.toString("latin1")) : "without";
}

function rpm(wanted: string, databases: Databases): InstalledChangelogs {
  const packages = rpmChangelogs(databases.rpm);
  if (packages === null) return { found: [], untold: 1 };
  const digits = wanted.replace(/^[A-Z]+-/, "");
  return {
    found: packages
      .filter(({ text }) => text.includes(digits))
      .map(({ name, version, text }) => ({ name, version, changelog: parseRpmChangelog(text) })),
    untold: packages.filter(({ text }) => text === "").length,
  };
}

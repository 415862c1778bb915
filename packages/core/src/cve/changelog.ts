import { compareDpkgVersions } from "../packages/dpkg-version.ts";
import { compareRpmVersions } from "../packages/rpm-version.ts";
import { compareCves, cvesIn } from "./id.ts";

// What a package's own changelog says was fixed, and in which version. The text is whoever's made the package: it is
// read line by line, bounded, and believed no further than its order of versions goes.

/** One version of a changelog, as it stands there: the newest first. */
export interface ChangelogEntry {
  /** Null where the entry does not say of which version it is. */
  readonly version: string | null;
  readonly cves: readonly string[];
}

/** Whose versions they are: deb-version(7) or rpm-version(7). */
export type VersionOrder = "dpkg" | "rpm";

export interface Changelog {
  readonly order: VersionOrder;
  readonly entries: readonly ChangelogEntry[];
}

/** More ids than this are told of no package: a kernel of some years has a few thousand. */
export const MOST_CVES = 20_000;
/** More entries than this are read of no changelog. */
const MOST_ENTRIES = 20_000;

/** deb-changelog(5): `SOURCE (VERSION) DISTRIBUTIONS; METADATA`, its changes indented by two blanks. */
export function parseDebianChangelog(text: string): Changelog {
  const entries: { version: string; lines: string[] }[] = [];
  for (const line of text.split("\n")) {
    const version = line.startsWith(" ") ? null : headingVersion(line);
    if (version !== null) {
      if (entries.length === MOST_ENTRIES) break;
      entries.push({ version, lines: [] });
    } else if (line.startsWith("  ")) entries.at(-1)?.lines.push(line);
  }
  return {
    order: "dpkg",
    entries: entries.map(({ version, lines }) => {
      const changes = lines.join("\n");
      return { version: SIGNED.exec(changes)?.[1] ?? version, cves: cvesIn(changes) };
    }),
  };
}

/** Debian's signed kernels have a version of their own in their first entry, 6.1.192+2 of 6.1.192-2, and those of linux below. */
const SIGNED = /^ {2}\* Sign kernel from linux ([0-9][0-9A-Za-z.+~-]{0,100})$/m;

function headingVersion(line: string): string | null {
  const open = line.indexOf(" (");
  const close = line.indexOf(")", open);
  if (open <= 0 || close < 0 || !line.includes(";", close)) return null;
  const version = line.slice(open + 2, close);
  return /^[0-9A-Za-z][0-9A-Za-z.+~:-]{0,255}$/.test(version) ? version : null;
}

/** What one entry of rpm is printed as: a line that begins with a tab and says who and of which version, then its text. */
export const RPM_ENTRY = "[\\t%{CHANGELOGNAME}\\n%{CHANGELOGTEXT}\\n]";

/** The output of RPM_ENTRY. The version is the last word of the first line, by custom, and sometimes missing. */
export function parseRpmChangelog(text: string): Changelog {
  const entries: { version: string | null; lines: string[] }[] = [];
  for (const line of text.split("\n")) {
    if (!line.startsWith("\t")) entries.at(-1)?.lines.push(line);
    else if (entries.length === MOST_ENTRIES) break;
    else entries.push({ version: lastWordVersion(line), lines: [] });
  }
  return {
    order: "rpm",
    entries: entries.map(({ version, lines }) => ({ version, cves: cvesIn(lines.join("\n")) })),
  };
}

function lastWordVersion(line: string): string | null {
  const word = line.trim().split(" ").at(-1) ?? "";
  const version = word.replace(/^\[(.*)\]$/, "$1");
  return /^(?:[0-9]{1,10}:)?[0-9][0-9A-Za-z.+~^_]{0,127}-[0-9A-Za-z][0-9A-Za-z.+~^_]{0,127}$/.test(version)
    ? version
    : null;
}

/**
 * Ids that were fixed after version `from` and up to version `to`, whose changelog this is, by year and number. Null where
 * it cannot tell: it is of another version, does not go back to `from`, or has entries of which the version is not known.
 */
export function fixedBetween(changelog: Changelog, from: string, to: string): readonly string[] | null {
  const { compare, isOf, plain } = ORDERS[changelog.order];
  const [old, now] = [plain(from), plain(to)];
  if (compare(old, now) > 0) return []; // what is on the disk is older: nothing was fixed by it
  const newest = changelog.entries[0]?.version ?? null;
  if (newest === null || !isOf(newest, now)) return null;
  const fixed = new Set<string>();
  for (const { version, cves } of changelog.entries) {
    if (version === null) return null;
    if (compare(version, old) <= 0) return fixed.size > MOST_CVES ? null : [...fixed].sort(compareCves);
    for (const id of cves) fixed.add(id);
  }
  return null;
}

/** The newest version that names the id, for a later one completes what an earlier one began. Null: none does. */
export function fixedIn({ entries }: Changelog, id: string): string | null {
  return entries.find(({ version, cves }) => version !== null && cves.includes(id))?.version ?? null;
}

/** Whether code of `version` has what came with `fixed`, by the order of its package manager. */
export function hasFix(order: VersionOrder, version: string, fixed: string): boolean {
  const { compare, plain } = ORDERS[order];
  const own = plain(version);
  return compare(fixed, own) <= 0;
}

interface Order {
  /** An entry's version, or that of a package, against that of a package. */
  readonly compare: (a: string, b: string) => number;
  /** Whether the newest entry of a changelog is of this installed version. */
  readonly isOf: (entry: string, installed: string) => boolean;
  readonly plain: (version: string) => string;
}

const ORDERS: { readonly [O in VersionOrder]: Order } = {
  // A rebuild without changes of the source, `+b1`, has the changelog of its source.
  dpkg: {
    compare: compareDpkgVersions,
    isOf: (entry, installed) => withoutRebuild(entry) === installed,
    plain: withoutRebuild,
  },
  // Entries leave out the distribution's suffix, `.el9`, and often the epoch.
  rpm: {
    compare: (a, b) => compareRpmVersions(withEpochOf(b, a), b),
    isOf: (entry, installed) => {
      const [version, own] = [withoutEpoch(entry), withoutEpoch(installed)];
      return own === version || own.startsWith(`${version}.`);
    },
    plain: (version) => version,
  },
};

function withoutRebuild(version: string): string {
  return version.replace(/\+b[0-9]{1,9}$/, "");
}

function withoutEpoch(version: string): string {
  return version.replace(/^[0-9]*:/, "");
}

/** An entry without an epoch means that of its package. */
function withEpochOf(installed: string, entry: string): string {
  const epoch = /^[0-9]+:/.exec(installed)?.[0] ?? "";
  return /^[0-9]+:/.test(entry) ? entry : `${epoch}${entry}`;
}

import { join } from "node:path";
import { firstZoned, parseDnfLog } from "@afterpatch/core/packages/dnf-log";
import { parseDnf5Log } from "@afterpatch/core/packages/dnf5-log";
import { firstInstant, parseDpkgLog } from "@afterpatch/core/packages/dpkg-log";
import { earlierVersions, type History, onlyOne } from "@afterpatch/core/packages/history";
import { bareName } from "@afterpatch/core/packages/inventory";
import { firstOfPacmanLog, parsePacmanLog } from "@afterpatch/core/packages/pacman";
import { firstOfYumLog, parseYumLog } from "@afterpatch/core/packages/yum-log";
import { firstOfZypp, parseZyppHistory } from "@afterpatch/core/packages/zypp-history";
import type { Sighting } from "./packages.ts";
import type { Databases } from "./ask.ts";
import type { Known } from "./known.ts";
import { type Allowance, allowance } from "./bytes.ts";
import { localInstant, MOST_LOGS, readLog, zonedInstant } from "./logs.ts";
import type { ProcessTable, Task } from "../processes.ts";

/** One log with its older parts, `FILE.1`, `FILE.2.gz`. */
interface Kind {
  readonly file: string;
  readonly first: (text: string, lastAt: number) => number | null;
  readonly parse: (text: string, names: ReadonlySet<string>, lastAt: number) => History["changes"];
}

const zonedFirst = (text: string) => {
  const at = firstZoned(text);
  return at === null ? null : zonedInstant(at);
};

const pacmanFirst = (text: string) => {
  const at = firstOfPacmanLog(text);
  return at === null ? null : zonedInstant(at) + 1000;
};

// Older parts of yum.log and of zypper's history have other names (history-20260101.xz): they are not read.
const KINDS: readonly Kind[] = [
  {
    file: "dpkg.log",
    first: (text) => firstInstant(text, localInstant),
    parse: (text, names) => parseDpkgLog(text, names, localInstant),
  },
  { file: "dnf.rpm.log", first: zonedFirst, parse: (text, names) => parseDnfLog(text, names, zonedInstant) },
  { file: "dnf5.log", first: zonedFirst, parse: (text, names) => parseDnf5Log(text, names, zonedInstant) },
  {
    file: "yum.log",
    first: (text, lastAt) => firstOfYumLog({ text, lastAt, instantOf: localInstant }),
    parse: (text, names, lastAt) => parseYumLog({ text, lastAt, instantOf: localInstant }, names),
  },
  {
    file: "zypp/history",
    first: (text) => firstOfZypp(text, localInstant),
    parse: (text, names) => parseZyppHistory(text, names, localInstant),
  },
  { file: "pacman.log", first: pacmanFirst, parse: (text, names) => parsePacmanLog(text, names, zonedInstant) },
];

/** What the package logs say of these packages, back to `since` if they go there. */
function readHistory(
  folder: string,
  names: ReadonlySet<string>,
  since: number,
  allowed: Allowance,
): readonly History[] {
  return KINDS.map((kind) => {
    const texts: string[] = [];
    let completeSince = Number.POSITIVE_INFINITY;
    let lastAt = 0;
    // From the newest back; where one is missing, what came before it cannot be joined on.
    for (let age = 0; age < MOST_LOGS && completeSince > since; age++) {
      const part = readLog(join(folder, kind.file), age, allowed);
      if (part === null) break;
      if (age === 0) lastAt = part.lastAt;
      texts.unshift(part.text);
      completeSince = kind.first(part.text, lastAt) ?? completeSince;
    }
    return { completeSince, changes: kind.parse(texts.join(""), names, lastAt) };
  });
}

/**
 * Versions in memory that the inventory does not know, by index of the file: from the package logs, and only where they
 * leave no choice.
 */
export function earlierVersion(
  unproved: readonly { readonly sighting: Sighting; readonly owner: Known }[],
  {
    table,
    databases,
    bootedAt,
  }: { readonly table: ProcessTable; readonly databases: Databases; readonly bootedAt: number },
): ReadonlyMap<number, string> {
  // A file that was overwritten in place, or that still exists elsewhere, is not the one that an upgrade replaced.
  const replaced = unproved.filter(
    ({ sighting: { facts }, owner }) =>
      owner.version !== null && facts.mappedPath === undefined && facts.mapped.kind !== "overwritten",
  );
  const versions = new Map<number, string>();
  if (replaced.length === 0) return versions;
  const names = new Set(replaced.map(({ owner }) => bareName(owner.shown)));
  const histories = readHistory(databases.logs, names, bootedAt, allowance());
  for (const { sighting, owner } of replaced) {
    const of = { name: bareName(owner.shown), architecture: owner.architecture, installed: owner.version };
    for (const history of histories) {
      const loaded = () => earlierVersions(history, of, loadedSince(sighting.tasks, table, bootedAt));
      const version =
        onlyOne(earlierVersions(history, of, bootedAt)) ?? onlyOne(loaded()) ?? sameVersion(sighting, owner, loaded);
      if (version !== null) versions.set(sighting.index, version);
    }
  }
  return versions;
}

/** What an interpreter read is of the version that is installed, where no other one was since. */
function sameVersion(
  { facts }: Sighting,
  { version }: Known,
  earlier: () => ReadonlySet<string> | null,
): string | null {
  return facts.mapped.kind === "suspected" && earlier()?.size === 0 ? version : null;
}

const MS_PER_TICK = 10;

/**
 * Epoch milliseconds before which none of these processes can have mapped a file. A process inherits what its parent had
 * mapped, so the oldest living ancestor counts; one that leads no session may have lost that parent.
 */
function loadedSince(tasks: readonly Task[], { stats }: ProcessTable, bootedAt: number): number {
  let ticks = Number.POSITIVE_INFINITY;
  for (const { pid } of tasks) {
    let at = pid;
    for (let steps = 0; steps < 64; steps++) {
      const stat = stats.get(at);
      if (!stat) return bootedAt;
      ticks = Math.min(ticks, stat.startTicks);
      const isTop = stat.ppid <= 1;
      if (isTop && stat.sid !== at && at !== 1) return bootedAt;
      if (isTop) break;
      at = stat.ppid;
    }
  }
  return Number.isFinite(ticks) ? bootedAt + ticks * MS_PER_TICK : bootedAt;
}

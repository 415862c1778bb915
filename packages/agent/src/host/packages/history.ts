import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { firstZoned, parseDnfLog } from "@afterpatch/core/packages/dnf-log";
import { firstInstant, parseDpkgLog } from "@afterpatch/core/packages/dpkg-log";
import { earlierVersions, type History, onlyOne } from "@afterpatch/core/packages/history";
import { bareName } from "@afterpatch/core/packages/inventory";
import type { Sighting } from "./packages.ts";
import type { Databases } from "./ask.ts";
import type { Known } from "./known.ts";
import { type Allowance, allowance, readBytes } from "./bytes.ts";
import type { ProcessTable, Task } from "../processes.ts";

const LONGEST_LOG = 32 * 1024 * 1024;
const MOST_LOGS = 24;

interface Kind {
  readonly file: string;
  readonly first: (text: string) => number | null;
  readonly parse: (text: string, names: ReadonlySet<string>) => History["changes"];
}

// dpkg writes the local time of the host, without its zone.
const local = (text: string) => new Date(text.replace(" ", "T")).getTime();
const zoned = (text: string) => new Date(text.replace(/([+-]\d\d)(\d\d)$/, "$1:$2")).getTime();

const KINDS: readonly Kind[] = [
  {
    file: "dpkg.log",
    first: (text) => firstInstant(text, local),
    parse: (text, names) => parseDpkgLog(text, names, local),
  },
  {
    file: "dnf.rpm.log",
    first: (text) => {
      const at = firstZoned(text);
      return at === null ? null : zoned(at);
    },
    parse: (text, names) => parseDnfLog(text, names, zoned),
  },
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
    // From the newest back; where one is missing, what came before it cannot be joined on.
    for (let age = 0; age < MOST_LOGS && completeSince > since; age++) {
      const text = readLog(join(folder, kind.file), age, allowed);
      if (text === null) break;
      texts.unshift(text);
      completeSince = kind.first(text) ?? completeSince;
    }
    return { completeSince, changes: kind.parse(texts.join(""), names) };
  });
}

function readLog(path: string, age: number, allowed: Allowance): string | null {
  if (age === 0) {
    const read = readBytes(path, LONGEST_LOG, allowed);
    // Rotated a moment ago, and nothing installed since.
    return read.kind === "bytes" ? read.bytes.toString("latin1") : read.kind === "missing" ? "" : null;
  }
  const plain = readBytes(`${path}.${age}`, LONGEST_LOG, allowed);
  if (plain.kind === "bytes") return plain.bytes.toString("latin1");
  const packed = readBytes(`${path}.${age}.gz`, LONGEST_LOG, allowed);
  return packed.kind === "bytes" ? unpacked(packed.bytes) : null;
}

function unpacked(bytes: Buffer): string | null {
  try {
    return gunzipSync(bytes, { maxOutputLength: LONGEST_LOG }).toString("latin1");
  } catch (error) {
    if (!(error instanceof Error) || !("code" in error)) throw error;
    return null; // damaged or too long: the history begins after it
  }
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
      const version =
        onlyOne(earlierVersions(history, of, bootedAt)) ??
        onlyOne(earlierVersions(history, of, loadedSince(sighting.tasks, table, bootedAt)));
      if (version !== null) versions.set(sighting.index, version);
    }
  }
  return versions;
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

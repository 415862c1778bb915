import { type BigIntStats, lstatSync, readdirSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import {
  canonicalPath,
  type Diversion,
  listedAs,
  listedPaths,
  ownersAt,
  parseDiversions,
  wantedPaths,
} from "@afterpatch/core/packages/dpkg-lists";
import { type DpkgPackage, ownerOfList, parseDpkgStatus } from "@afterpatch/core/packages/dpkg-status";
import type { Answers, InstalledPackage } from "./ask.ts";
import { type Allowance, readRegular } from "./bytes.ts";
import { codeOf, explain } from "../read.ts";

const LONGEST_STATUS = 64 * 1024 * 1024;
const LONGEST_LIST = 32 * 1024 * 1024;
const MOST_FILES = 500_000;
const MOST_UPDATES = 1024;

/** Is there a database of dpkg? */
export function hasDpkg(directory: string): boolean {
  const stat = tryStat(join(directory, "status"));
  return stat !== null && (!stat.isFile() || stat.size > 0n);
}

/** Owners of paths, from dpkg's files alone. `root` is the folder that listed paths begin at, empty for the host's. */
export function askDpkg(
  paths: readonly string[],
  { directory, root }: { readonly directory: string; readonly root: string },
  allowed: Allowance,
): Answers {
  const notes: string[] = [];
  const owners = new Map<string, InstalledPackage | null>();
  const unknown = new Set<string>();
  const before = fingerprint(directory);
  try {
    const merged = mergedFolders(root);
    const diversions = readDiversions(directory, merged, notes, allowed);
    const canonical = new Map(paths.map((path) => [path, canonicalPath(path, merged)]));
    const listing = search(
      directory,
      new Set([...canonical.values()].map((p) => listedAs(p, diversions))),
      merged,
      allowed,
    );
    const names = new Set([...listing.values()].flat().map(({ name }) => name));
    const { packages, native } = readStatus(directory, names, allowed);
    for (const [path, at] of canonical) {
      const lists = ownersAt(at, listing.get(listedAs(at, diversions)) ?? [], diversions);
      const entries = lists.flatMap((list) => installed(list, packages));
      // Listed by a package of which the status knows nothing: nobody can tell whose it is.
      if (entries.length === 0 && lists[0]) unknown.add(lists[0].name);
      else owners.set(path, one(entries, native));
    }
  } catch (error) {
    if (!(error instanceof UnreadableError)) throw error;
    return { owners: new Map(), notes: [...notes, error.message] };
  }
  const [first] = unknown;
  if (first !== undefined) notes.push(`dpkg: status: it does not know ${first}, which lists files: they are not named`);
  // Half of what was read may be of before and half of after.
  if (fingerprint(directory) === before) return { owners, notes };
  return {
    owners: new Map(),
    notes: ["dpkg: its database changed while it was read: packages are not named this time"],
  };
}

/** What is installed by name. */
export function dpkgPackages(
  names: ReadonlySet<string>,
  directory: string,
  allowed: Allowance,
): readonly InstalledPackage[] {
  try {
    const { packages, native } = readStatus(directory, names, allowed);
    return packages.map((entry) => described(entry, listTime(directory, entry), native));
  } catch (error) {
    if (error instanceof UnreadableError) return [];
    throw error;
  }
}

interface List {
  readonly name: string;
  readonly architecture: string | null;
  /** Epoch milliseconds: the list is written when a version has been unpacked. */
  readonly writtenAt: number;
}

class UnreadableError extends Error {
  override readonly name = "UnreadableError";
}

/** Which lists name the paths. */
function search(
  directory: string,
  paths: ReadonlySet<string>,
  merged: ReadonlySet<string>,
  allowed: Allowance,
): ReadonlyMap<string, List[]> {
  const wanted = wantedPaths(paths, merged);
  const found = new Map<string, List[]>();
  for (const file of folder(join(directory, "info"), MOST_FILES)) {
    const owner = ownerOfList(file);
    if (owner === null) continue;
    const read = readRegular(join(directory, "info", file), LONGEST_LIST, allowed);
    if (read.kind === "missing") continue; // removed since; the status has changed too then
    if (read.kind === "unreadable")
      throw new UnreadableError(`dpkg: info/${file}: ${read.why}: packages are not named`);
    for (const path of listedPaths(read.text, wanted)) {
      const list = { ...owner, writtenAt: Number(read.stat.mtimeMs) };
      found.set(path, [...(found.get(path) ?? []), list]);
    }
  }
  return found;
}

function readDiversions(
  directory: string,
  merged: ReadonlySet<string>,
  notes: string[],
  allowed: Allowance,
): readonly Diversion[] {
  const read = readRegular(join(directory, "diversions"), LONGEST_LIST, allowed);
  if (read.kind === "unreadable") notes.push(`dpkg: diversions: ${read.why}: they are not taken into account`);
  return read.kind === "text" ? parseDiversions(read.text, merged) : [];
}

/** The status with what updates/ says on top: during a transaction the status itself is not of this moment. */
function readStatus(directory: string, names: ReadonlySet<string>, allowed: Allowance) {
  const wanted = new Set([...names, "dpkg"]);
  const packages = new Map<string, DpkgPackage>();
  // First updates/, which dpkg empties after it has written the status.
  const updates = folder(join(directory, "updates"), MOST_UPDATES).filter((name) => /^[0-9]+$/.test(name));
  const texts = updates.sort().map((name) => textOf(join(directory, "updates", name), `updates/${name}`, allowed));
  for (const text of [textOf(join(directory, "status"), "status", allowed), ...texts]) {
    for (const entry of parseDpkgStatus(text, wanted)) packages.set(`${entry.name}:${entry.architecture}`, entry);
  }
  const native = [...packages.values()].find(({ name }) => name === "dpkg")?.architecture ?? null;
  return { packages: [...packages.values()].filter(({ name }) => names.has(name)), native };
}

function textOf(path: string, name: string, allowed: Allowance): string {
  const read = readRegular(path, LONGEST_STATUS, allowed);
  if (read.kind === "text") return read.text;
  const why = read.kind === "missing" ? "it is gone" : read.why;
  throw new UnreadableError(`dpkg: ${name}: ${why}: packages are not named`);
}

type Listed = readonly [entry: DpkgPackage, writtenAt: number];

function installed({ name, architecture, writtenAt }: List, packages: readonly DpkgPackage[]): readonly Listed[] {
  return packages.flatMap((entry): readonly Listed[] => {
    const isThis = entry.name === name && (architecture === null || architecture === entry.architecture);
    return isThis ? [[entry, writtenAt]] : [];
  });
}

/** A file that several architectures of a package share is of one version; a file of several packages has no sure owner. */
function one(candidates: readonly Listed[], native: string | null): InstalledPackage | null {
  const [first, ...others] = candidates.toSorted(([a], [b]) => rank(a, native) - rank(b, native));
  if (first === undefined) return null;
  const [owner, writtenAt] = first;
  if (others.some(([{ name }]) => name !== owner.name)) return null;
  const isSure = others.every(([{ version }]) => version === owner.version);
  return described({ ...owner, version: isSure ? owner.version : null }, writtenAt, native);
}

function rank({ architecture }: DpkgPackage, native: string | null): number {
  return architecture === native || architecture === "all" ? 0 : 1;
}

function described(entry: DpkgPackage, installedAt: number | null, native: string | null): InstalledPackage {
  const isForeign = native !== null && rank(entry, native) > 0;
  return { ...entry, shown: isForeign ? `${entry.name}:${entry.architecture}` : entry.name, installedAt };
}

/** `/lib` and its like where they are links into /usr. */
function mergedFolders(root: string): ReadonlySet<string> {
  const names = ["/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/libo32"];
  return new Set(names.filter((name) => /^\/?usr\/[a-z0-9]+\/?$/.test(tryTarget(root + name) ?? "")));
}

function tryTarget(path: string): string | null {
  try {
    return readlinkSync(path);
  } catch (error) {
    codeOf(error); // no link
    return null;
  }
}

function tryStat(path: string): BigIntStats | null {
  try {
    return lstatSync(path, { bigint: true });
  } catch (error) {
    codeOf(error); // not there, or not ours to see
    return null;
  }
}

function listTime(directory: string, { name, architecture }: DpkgPackage): number | null {
  for (const file of [`${name}:${architecture}.list`, `${name}.list`]) {
    const stat = tryStat(join(directory, "info", file));
    if (stat) return Number(stat.mtimeMs);
  }
  return null;
}

/** Changes whenever dpkg writes to its database. */
function fingerprint(directory: string): string {
  return ["status", "updates", "info"]
    .map((name) => tryStat(join(directory, name)))
    .map((stat) => (stat ? `${stat.ino}:${stat.mtimeNs}:${stat.ctimeNs}` : ""))
    .join(" ");
}

function folder(path: string, most: number): readonly string[] {
  let names: readonly string[];
  try {
    names = readdirSync(path, "latin1");
  } catch (error) {
    const code = codeOf(error);
    if (code === "ENOENT" || code === "ENOTDIR") return [];
    throw new UnreadableError(`dpkg: ${path}: ${explain(code)}: packages are not named`);
  }
  if (names.length > most) throw new UnreadableError(`dpkg: ${path}: more than ${most} files: packages are not named`);
  return names;
}

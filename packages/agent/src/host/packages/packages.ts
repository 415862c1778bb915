import type { FileFacts } from "@afterpatch/core/facts";
import { bareName, contentName, type InventoryEntry, packageOfContent } from "@afterpatch/core/packages/inventory";
import type { FoundPackage } from "@afterpatch/core/scan";
import { mappedBuildId } from "../format.ts";
import { loadInventory, saveInventory } from "./inventory.ts";
import { askNames, type Databases, HOST_DATABASES } from "./ask.ts";
import { fixesOf } from "./changelogs.ts";
import { earlierVersion } from "./history.ts";
import { type HostFile, hostFiles, type Known, known } from "./known.ts";
import type { MappedFile, Place, ProcessTable, Task } from "../processes.ts";
import { readLink } from "../read.ts";
import { find, type View, viewOf } from "../view.ts";
import { viewsOf } from "../views.ts";
import { textOfBytes } from "@afterpatch/core/text";
import { readingsOf } from "@afterpatch/core/proc/maps";
import { transactionsIn } from "./transactions.ts";

export interface PackageOptions {
  /** File of the inventory, null where none is kept. */
  readonly inventory: string | null;
  readonly databases?: Databases;
  readonly now: number;
  /** Epoch milliseconds, by the current clock. */
  readonly bootedAt: number;
}

/** What differs, and who maps it, by index. */
export interface Differing {
  readonly files: readonly FileFacts[];
  readonly holders: ReadonlyMap<Task, readonly number[]>;
}

/**
 * The files with their packages, as far as somebody knows them: the database of packages for what is on the disk, the
 * inventory and then the package log for what is in memory. With an inventory, it also learns every mapped file of a
 * package that it has not seen yet. Never throws because of what it reads.
 */
export function withPackages(
  table: ProcessTable,
  differing: Differing,
  options: PackageOptions,
): { readonly files: readonly FileFacts[]; readonly notes: readonly string[] } {
  const { inventory, databases = HOST_DATABASES, now } = options;
  if (inventory === null && differing.files.length === 0) return { files: differing.files, notes: [] };
  const host: Host = {
    own: readLink("/proc/self/ns/mnt"),
    view: viewOf({ prefix: "", above: "", root: "" }, "/proc/self/mountinfo"),
  };
  const kept = inventory === null ? null : loadInventory(inventory);
  const seen = sightings(table, differing, host);
  const wanted = kept === null ? seen.flatMap(({ onDisk }) => onDisk ?? []) : hostFiles(table, seen, host);
  const { byPath, entries, isChanged, notes } = known(wanted, kept?.entries ?? null, databases, now);
  const found = described(seen, { byPath, entries, table, databases, bootedAt: options.bootedAt });
  const unsaved = inventory !== null && isChanged ? saveInventory(inventory, entries) : null;
  const fixes = fixesOf(databases);
  return {
    files: differing.files.map((facts, index) => {
      const entry = found.get(index);
      if (!entry) return facts;
      const cves = fixes(entry);
      return { ...facts, package: entry, ...(cves === null ? {} : { cves }) };
    }),
    notes: [...(kept?.notes ?? []), ...notes, ...(unsaved === null ? [] : [unsaved])],
  };
}

/** This host's own tree of files. */
export interface Host {
  readonly own: string;
  readonly view: View;
}

/** One file that differs. */
export interface Sighting {
  readonly index: number;
  readonly facts: FileFacts;
  readonly tasks: readonly Task[];
  readonly file: MappedFile | null;
  /** As the processes see it, one byte per character. */
  readonly path: string;
  /** The file that is at the path now, if it is one of this host and not of a container; null: it is not. */
  readonly onDisk: HostFile | null;
  /** The path is empty now. */
  readonly isGone: boolean;
}

function sightings(table: ProcessTable, { files, holders }: Differing, host: Host): readonly Sighting[] {
  if (files.length === 0) return [];
  const tasks = files.map((): Task[] => []);
  for (const [task, indices] of holders) for (const index of indices) tasks[index]?.push(task);
  const places = new Map(table.places.flatMap((place) => place.tasks.map((task) => [task, place] as const)));
  let views: ReadonlyMap<Place, View | null> | null = null;
  return files.map((facts, index) => {
    const [task] = tasks[index] ?? [];
    const place = task && places.get(task);
    const path = Buffer.from(facts.path, "utf8").toString("latin1"); // what was escaped in it names nothing
    const nothing = { index, facts, tasks: tasks[index] ?? [], path, file: null, onDisk: null, isGone: false };
    if (!task || !place) return nothing;
    const file = [...place.files.values()].find((one) => one.holders.includes(task) && isNamed(one, facts)) ?? null;
    if (facts.onDisk.kind === "missing") return { ...nothing, file, isGone: true };
    const isOwn = place.mountNamespace === host.own;
    if (!isOwn) views ??= viewsOf(table.places);
    const onDisk = onHost(path, isOwn ? null : (views?.get(place) ?? undefined), host);
    return { ...nothing, file, onDisk };
  });
}

function isNamed({ mapping }: MappedFile, facts: FileFacts): boolean {
  const { literal, deleted } = readingsOf(mapping.path);
  return [...deleted, ...literal].some((name) => textOfBytes(name) === (facts.mappedPath ?? facts.path));
}

/** What is at a path of this host; seen through another view it has to be the same file. */
function onHost(path: string, view: View | null | undefined, host: Host): HostFile | null {
  if (view === undefined) return null;
  const plain = view === null ? path : path.slice(view.above.length);
  const found = find(plain, host.view);
  if (found.kind !== "found" || !found.stat.isFile()) return null;
  if (view !== null) {
    const there = find(path, view);
    if (there.kind !== "found" || there.stat.ino !== found.stat.ino || there.stat.dev !== found.stat.dev) return null;
  }
  return { path: found.path, stat: found.stat };
}

interface Knowledge {
  readonly byPath: ReadonlyMap<string, Known | null>;
  readonly entries: readonly InventoryEntry[];
  readonly table: ProcessTable;
  readonly databases: Databases;
  readonly bootedAt: number;
}

function described(seen: readonly Sighting[], all: Knowledge): ReadonlyMap<number, FoundPackage> {
  const found = new Map<number, FoundPackage>();
  const unproved: { readonly sighting: Sighting; readonly owner: Known }[] = [];
  const gone = new Map<number, FoundPackage>();
  for (const sighting of seen) {
    const owner = (sighting.onDisk && all.byPath.get(sighting.onDisk.path)) ?? null;
    const old = oldPackage(sighting, owner, all.entries);
    if (owner) {
      const from = old !== null && old.name === owner.shown ? old.version : null;
      found.set(sighting.index, {
        name: owner.shown,
        from,
        to: owner.version,
        installedAt: owner.version === null ? null : owner.installedAt,
      });
      if (old === null) unproved.push({ sighting, owner });
    } else if (old) {
      const known = { name: old.name, from: old.version, to: null, installedAt: null };
      found.set(sighting.index, known);
      if (sighting.isGone) gone.set(sighting.index, known);
    }
  }
  fillPresent(gone, found, all.databases);
  for (const [index, from] of earlierVersion(unproved, all)) {
    const entry = found.get(index);
    if (entry) found.set(index, { ...entry, from });
  }
  const transaction = transactionsIn(all.databases.logs);
  for (const { index, onDisk } of seen) {
    const [owner, entry] = [onDisk && all.byPath.get(onDisk.path), found.get(index)];
    if (!owner || !entry || owner.version === null || owner.installedAt === null) continue;
    const { architecture, version, installedAt } = owner;
    const told = transaction({ name: bareName(owner.shown), architecture, version, installedAt });
    if (told !== null) found.set(index, { ...entry, transaction: told });
  }
  return found;
}

/** Which package the code in memory came from, by the inventory. */
function oldPackage({ facts, file, path }: Sighting, owner: Known | null, entries: readonly InventoryEntry[]) {
  if (entries.length === 0 || facts.mapped.kind === "overwritten") return null;
  const hex = facts.mapped.kind === "build-id" || file === null ? null : mappedBuildId(file);
  const content = hex === null ? contentName(facts.mapped) : `build-id:${hex}`;
  return content === null ? null : packageOfContent(entries, { path, content, owner: owner?.shown ?? null });
}

/** The version that is installed of packages whose file is gone. */
function fillPresent(
  gone: ReadonlyMap<number, FoundPackage>,
  found: Map<number, FoundPackage>,
  databases: Databases,
): void {
  const names = new Set([...gone.values()].map(({ name }) => bareName(name)));
  const present = askNames(names, databases);
  for (const [index, entry] of gone) {
    const [only, ...others] = present.filter(({ shown }) => shown === entry.name);
    if (only && others.length === 0 && only.version !== null) {
      found.set(index, { ...entry, to: only.version, installedAt: only.installedAt });
    }
  }
}

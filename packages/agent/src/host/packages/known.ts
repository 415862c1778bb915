import { type BigIntStats, lstatSync } from "node:fs";
import { contentName, type InventoryEntry, mergeInventory } from "@afterpatch/core/packages/inventory";
import { readingsOf } from "@afterpatch/core/proc/maps";
import { contentOf } from "../content.ts";
import type { Host, Sighting } from "./packages.ts";
import { askOwners, type Databases, type InstalledPackage } from "./ask.ts";
import type { ProcessTable } from "../processes.ts";
import { codeOf, pathOf } from "../read.ts";
import { find } from "../view.ts";

/** A regular file of this host; the path holds one byte per character and no links. */
export interface HostFile {
  readonly path: string;
  readonly stat: BigIntStats;
}

/** The package of a file that is on the disk. Its version is null when the file is not, or may not be, of the package. */
export type Known = Omit<InstalledPackage, "name">;

/** Bytes of files without build-ids that one scan reads for the inventory. */
const HASHED_BYTES = 128n * 1024n * 1024n;
/** How old an entry may become before a scan that sees its file says so. */
const REFRESH_MS = 24 * 3_600_000;

/** The files that differ, and everything else of this host that a process has mapped. */
export function hostFiles(table: ProcessTable, seen: readonly Sighting[], host: Host): readonly HostFile[] {
  const files = new Map<string, HostFile>();
  for (const { onDisk } of seen) if (onDisk) files.set(onDisk.path, onDisk);
  for (const { mountNamespace, files: mapped } of table.places) {
    const isOwn = mountNamespace === host.own;
    for (const { mapping } of mapped.values()) {
      const { literal, deleted } = readingsOf(mapping.path);
      const path = deleted[0] ?? literal[0];
      if (files.has(path) || mapping.isTemporary) continue;
      const found = find(path, host.view);
      if (found.kind !== "found" || !found.stat.isFile()) continue;
      // What a container maps is not on this host, but for what both share.
      if (isOwn || found.stat.ino === BigInt(mapping.inode)) files.set(found.path, found);
    }
  }
  return [...files.values()];
}

/**
 * The packages of these files: from the inventory those it has seen as they are now, from the databases all others.
 * `kept` is null where there is no inventory: then nothing is learnt for it either.
 */
export function known(
  files: readonly HostFile[],
  kept: readonly InventoryEntry[] | null,
  databases: Databases,
  now: number,
) {
  const old = new Map((kept ?? []).map((entry) => [`${entry.key} ${entry.path}`, entry]));
  const byPath = new Map<string, Known | null>();
  const refreshed: InventoryEntry[] = [];
  const unknown: HostFile[] = [];
  for (const file of files) {
    const entry = old.get(`${keyOf(file.stat)} ${file.path}`);
    if (entry === undefined) unknown.push(file);
    else {
      byPath.set(
        file.path,
        entry.owned && { ...entry.owned, shown: entry.owned.name, architecture: entry.owned.architecture },
      );
      if (now - entry.seenAt > REFRESH_MS) refreshed.push({ ...entry, seenAt: now });
    }
  }
  if (unknown.length === 0 && refreshed.length === 0)
    return { byPath, entries: kept ?? [], isChanged: false, notes: [] };
  const { owners, notes } =
    unknown.length === 0
      ? { owners: new Map<string, null>(), notes: [] }
      : askOwners(
          unknown.map(({ path }) => path),
          databases,
        );
  const budget = { bytes: HASHED_BYTES };
  for (const file of unknown) {
    const answer = owners.get(file.path);
    if (answer === undefined || !isUnchanged(file)) continue;
    const owner = answer && proved(answer, file);
    byPath.set(file.path, owner);
    if (kept === null) continue;
    // Half installed is a state that passes: it is asked about again.
    const entry = answer?.version === null ? null : entryOf(file, owner, budget, now);
    if (entry) refreshed.push(entry);
  }
  return {
    byPath,
    entries: kept === null ? [] : mergeInventory(kept, refreshed),
    isChanged: refreshed.length > 0,
    notes,
  };
}

/** A file that was written to after its package was installed is not of the version that the database names. */
function proved({ name: _bare, ...owner }: InstalledPackage, { stat }: HostFile): Known {
  const isInstalled = owner.installedAt !== null && Number(stat.mtimeMs) <= owner.installedAt + 1000;
  return isInstalled ? owner : { ...owner, version: null };
}

function entryOf(file: HostFile, owner: Known | null, budget: { bytes: bigint }, now: number): InventoryEntry | null {
  const { path, stat } = file;
  const key = keyOf(stat);
  if (owner === null) return { path, key, owned: null, seenAt: now };
  const { version, shown, architecture, installedAt } = owner;
  if (installedAt === null) return null;
  const content = contentName(contentOf({ path, isHandle: false, stat }, budget));
  if (content === null) return null;
  return { path, key, owned: { content, name: shown, architecture, version, installedAt }, seenAt: now };
}

/** What was asked about it is about this very file only if it is still there. */
function isUnchanged({ path, stat }: HostFile): boolean {
  try {
    return keyOf(lstatSync(pathOf(path), { bigint: true })) === keyOf(stat);
  } catch (error) {
    codeOf(error); // gone
    return false;
  }
}

function keyOf({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return [dev, ino, size, mtimeNs, ctimeNs].map((number) => number.toString(36)).join(".");
}

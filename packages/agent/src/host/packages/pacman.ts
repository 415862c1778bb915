import { readdirSync } from "node:fs";
import { join } from "node:path";
import { listedInPacman, pacmanFolder, parsePacmanDesc } from "@afterpatch/core/packages/pacman";
import { codeOf } from "../read.ts";
import type { Answers, InstalledPackage } from "./ask.ts";
import { type Allowance, readRegular } from "./bytes.ts";

const LONGEST = 32 * 1024 * 1024;
const MOST_PACKAGES = 100_000;

/** Is there a database of pacman? `directory`: /var/lib/pacman. */
export function hasPacman(directory: string): boolean {
  return folders(directory).length > 0;
}

/** Owners of paths, from pacman's local database alone. */
export function askPacman(paths: readonly string[], directory: string, allowed: Allowance): Answers {
  const owners = new Map<string, InstalledPackage | null>(paths.map((path) => [path, null]));
  const wanted = new Set(paths);
  for (const folder of folders(directory)) {
    const files = readRegular(join(directory, "local", folder, "files"), LONGEST, allowed);
    if (files.kind === "missing") continue; // in the middle of a transaction
    if (files.kind === "unreadable")
      return { owners: new Map(), notes: [`pacman: ${folder}/files: ${files.why}: packages are not named`] };
    const listed = listedInPacman(files.text, wanted);
    if (listed.length === 0) continue;
    const owner = described(directory, folder, allowed);
    if (owner === null)
      return { owners: new Map(), notes: [`pacman: ${folder}/desc cannot be read: packages are not named`] };
    for (const path of listed) owners.set(path, owner);
  }
  return { owners, notes: [] };
}

/** What is installed under these names. */
export function pacmanPackages(
  names: ReadonlySet<string>,
  directory: string,
  allowed: Allowance,
): readonly InstalledPackage[] {
  return folders(directory).flatMap((folder) => {
    if (!names.has(pacmanFolder(folder)?.name ?? "")) return [];
    const entry = described(directory, folder, allowed);
    return entry === null ? [] : [entry];
  });
}

/** How many packages are installed, 0 without a database. */
export function pacmanCount(directory: string): number {
  return folders(directory).length;
}

function described(directory: string, folder: string, allowed: Allowance): InstalledPackage | null {
  const desc = readRegular(join(directory, "local", folder, "desc"), LONGEST, allowed);
  const entry = desc.kind === "text" ? parsePacmanDesc(desc.text) : null;
  return entry && { ...entry, shown: entry.name };
}

function folders(directory: string): readonly string[] {
  try {
    const names = readdirSync(join(directory, "local"));
    return names.filter((name) => pacmanFolder(name) !== null).slice(0, MOST_PACKAGES);
  } catch (error) {
    codeOf(error); // there is none, or it is not ours to see
    return [];
  }
}

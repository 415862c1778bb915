import { realpathSync, type Stats, statSync } from "node:fs";
import { dirname } from "node:path";

/** Whoever may write a program, or put another in its place, decides what it does: root, or the user that it runs as. */
export function whyUnsafe(file: string, uid: number): string | null {
  try {
    const stat = statSync(file);
    if (!stat.isFile()) return `${file} is not a file`;
    const why = ofStrangers(stat, uid);
    if (why !== null) return `${file} ${why}`;
    for (const folder of new Set([file, realpathSync(file)].flatMap(foldersOf))) {
      const found = statSync(folder);
      // In a sticky folder only its owner can replace what is there, inode(7).
      const strangers = (found.mode & 0o1000) !== 0 && found.uid === 0 ? null : ofStrangers(found, uid);
      if (strangers !== null) return `${folder}, on the way to ${file}, ${strangers}`;
    }
    return null;
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unknown error";
    return code === "ENOENT" ? `there is no program ${file}` : `${file} cannot be looked at (${code})`;
  }
}

function ofStrangers({ uid: owner, gid, mode }: Stats, uid: number): string | null {
  if (owner !== 0 && owner !== uid) return `belongs to uid ${owner}, neither to root nor to its user`;
  const isOpen = (mode & 0o002) !== 0 || ((mode & 0o020) !== 0 && gid !== 0);
  return isOpen ? `may be written by others (mode ${(mode & 0o7777).toString(8)})` : null;
}

function foldersOf(path: string): readonly string[] {
  const folder = dirname(path);
  return folder === path ? [] : [folder, ...foldersOf(folder)];
}

import { type BigIntStats, statSync } from "node:fs";
import { isRemote, mountOf, parseMountinfo } from "@afterpatch/core/proc/mountinfo";
import { codeOf, readProc } from "../host/read.ts";

/** Where a change makes a new scan worth its while. */
export interface Place {
  readonly folder: string;
  /** Which of its files count; null: what the folder holds. */
  readonly files: readonly string[] | null;
}

// rpmdb.sqlite-wal holds what was not written to rpmdb.sqlite yet.
const RPM = ["rpmdb.sqlite", "rpmdb.sqlite-wal", "Packages", "Packages.db"] as const;

/** Databases of package managers, kernels, and the note that Debian's packages leave when they want a reboot. */
export const PLACES: readonly Place[] = [
  { folder: "/var/lib/dpkg", files: ["status"] },
  { folder: "/var/lib/rpm", files: RPM },
  { folder: "/usr/lib/sysimage/rpm", files: RPM },
  { folder: "/lib/apk/db", files: ["installed"] },
  { folder: "/var/lib/pacman/local", files: null },
  { folder: "/boot", files: null },
  { folder: "/boot/loader/entries", files: null },
  { folder: "/lib/modules", files: null },
  { folder: "/run", files: ["reboot-required"] },
];

/** The places that may be touched: not those on file systems that can keep a caller waiting for ever. */
export function withinReach(places: readonly Place[]): readonly Place[] {
  const mounts = parseMountinfo(readProc("/proc/self/mountinfo"));
  return places.filter(({ folder }) => {
    const mount = mountOf(folder, mounts);
    return !mount || !isRemote(mount.type);
  });
}

/** The places as they are now: another text means that one of them changed. Never throws for what is not there. */
export function lookAt(places: readonly Place[]): string {
  return places
    .flatMap(({ folder, files }) => (files ? files.map((file) => `${folder}/${file}`) : [folder]))
    .map((path) => `${path} ${stateOf(path)}\n`)
    .join("");
}

function stateOf(path: string): string {
  try {
    const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
    return stat && !isLeftByReader(path, stat) ? `${stat.dev} ${stat.ino} ${stat.size} ${stat.mtimeNs}` : "none";
  } catch (error) {
    return codeOf(error); // to be told apart from what is there, and from what is not
  }
}

/** A write-ahead log of SQLite with nothing in it: whoever reads the database leaves one, our own scan too. */
function isLeftByReader(path: string, stat: BigIntStats): boolean {
  return path.endsWith("-wal") && stat.size === 0n;
}

import type { RpmPlace } from "@afterpatch/core/packages/rpm-query";
import { isRemote, mountOf, parseMountinfo } from "@afterpatch/core/proc/mountinfo";
import { askDpkg, dpkgPackages, hasDpkg } from "./dpkg.ts";
import { apkPackages, askApk, hasApk } from "./apk.ts";
import { allowance } from "./bytes.ts";
import { askPacman, hasPacman, pacmanPackages } from "./pacman.ts";
import { askRpm, hasRpm, rpmPackages } from "./rpm.ts";
import { readProc } from "../read.ts";

export interface InstalledPackage {
  readonly name: string;
  readonly architecture: string;
  /** `name`, with the architecture where that is not the host's own. */
  readonly shown: string;
  /** Null while it is half installed. */
  readonly version: string | null;
  /** Epoch milliseconds. */
  readonly installedAt: number | null;
}

export interface Answers {
  /** By path as asked; null: no package has it. A path that could not be asked for is not there. */
  readonly owners: ReadonlyMap<string, InstalledPackage | null>;
  readonly notes: readonly string[];
}

/** Where the databases are. */
export interface Databases {
  /** Folder of dpkg's status. */
  readonly dpkg: string;
  /** In front of paths that dpkg lists: empty for this host. */
  readonly root: string;
  readonly rpm: RpmPlace;
  /** Folder of apk's `installed`. */
  readonly apk: string;
  /** Folder of pacman's `local`. */
  readonly pacman: string;
  /** Folder of dpkg.log, dnf.rpm.log and pacman.log. */
  readonly logs: string;
}

export const HOST_DATABASES: Databases = {
  dpkg: "/var/lib/dpkg",
  root: "",
  rpm: { root: null, dbPath: null },
  apk: "/lib/apk/db",
  pacman: "/var/lib/pacman",
  logs: "/var/log",
};

/** Which packages own files of this host; paths hold one byte per character and lead to regular files. */
export function askOwners(paths: readonly string[], databases: Databases): Answers {
  const owners = new Map<string, InstalledPackage | null>();
  const notes: string[] = [];
  const places = [databases.dpkg, databases.rpm.dbPath ?? "/var/lib/rpm", databases.apk, databases.pacman];
  const remote = places.map(remoteNote).find((note) => note !== null) ?? null;
  if (remote !== null) return { owners, notes: [remote] };
  const answers = [
    ...(hasDpkg(databases.dpkg)
      ? [() => askDpkg(paths, { directory: databases.dpkg, root: databases.root }, allowance())]
      : []),
    ...(hasRpm(databases.rpm)
      ? [
          () =>
            askRpm(
              paths.filter((path) => !owners.get(path)),
              databases.rpm,
            ),
        ]
      : []),
    ...(hasApk(databases.apk)
      ? [() => askApk(paths, { directory: databases.apk, root: databases.root }, allowance())]
      : []),
    ...(hasPacman(databases.pacman) ? [() => askPacman(paths, databases.pacman, allowance())] : []),
  ];
  let isWhole = true;
  for (const ask of answers) {
    const answer = ask();
    for (const [path, owner] of answer.owners) if (!owners.get(path)) owners.set(path, owner);
    notes.push(...answer.notes);
    isWhole &&= answer.owners.size > 0 || answer.notes.length === 0;
  }
  // Where one of two databases did not answer, "nobody's" is not known.
  if (!isWhole) for (const [path, owner] of owners) if (owner === null) owners.delete(path);
  return { owners, notes };
}

/** What is installed under these names. */
export function askNames(
  names: ReadonlySet<string>,
  { dpkg, rpm, apk, pacman }: Databases,
): readonly InstalledPackage[] {
  if (names.size === 0 || remoteNote(dpkg) !== null) return [];
  if (hasDpkg(dpkg)) return dpkgPackages(names, dpkg, allowance());
  if (hasRpm(rpm)) return rpmPackages([...names], rpm);
  if (hasApk(apk)) return apkPackages(names, apk, allowance());
  return hasPacman(pacman) ? pacmanPackages(names, pacman, allowance()) : [];
}

export function remoteNote(directory: string): string | null {
  const mount = mountOf(directory, parseMountinfo(readProc("/proc/self/mountinfo")));
  if (!mount || !isRemote(mount.type)) return null;
  return `packages: ${directory} is on a file system of type ${mount.type}, which is never touched: packages are not named`;
}

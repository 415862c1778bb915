import type { Change } from "./history.ts";

/** A package of pacman's local database. */
export interface PacmanPackage {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  /** Epoch milliseconds; null where it does not say. */
  readonly installedAt: number | null;
}

/** `desc` of one folder of /var/lib/pacman/local: `%KEY%`, then a value a line, until a blank one. Null: it is none. */
export function parsePacmanDesc(text: string): PacmanPackage | null {
  const value = (key: string) => new RegExp(`^%${key}%\\n([^\\n%]+)$`, "m").exec(text)?.[1];
  const [name, version, installed] = [value("NAME"), value("VERSION"), value("INSTALLDATE")];
  if (name === undefined || version === undefined) return null;
  const seconds = /^[0-9]{1,12}$/.test(installed ?? "") ? Number(installed) : null;
  return { name, version, architecture: value("ARCH") ?? "", installedAt: seconds === null ? null : seconds * 1000 };
}

/** Which of these absolute paths `files` of such a folder lists, below %FILES%; folders end in a slash there. */
export function listedInPacman(text: string, paths: ReadonlySet<string>): readonly string[] {
  const begin = text.indexOf("%FILES%\n");
  if (begin < 0) return [];
  const end = text.indexOf("\n\n", begin);
  const list = text.slice(begin + "%FILES%\n".length, end < 0 ? text.length : end);
  return list.split("\n").flatMap((path) => (paths.has(`/${path}`) ? [`/${path}`] : []));
}

/** `NAME-VERSION-RELEASE` of a folder's name; null where it is none. */
export function pacmanFolder(folder: string): { readonly name: string; readonly version: string } | null {
  const [, name, version] = /^(.+)-([^-]+-[^-]+)$/.exec(folder) ?? [];
  return name === undefined || version === undefined ? null : { name, version };
}

// [2026-11-23T13:49:48+0000] [ALPM] upgraded NAME (OLD -> NEW) | installed, reinstalled, removed NAME (VERSION) | downgraded
const LINE =
  /^\[(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4})\] \[ALPM\] (installed|upgraded|downgraded|removed) (\S+) \((\S+?)(?: -> (\S+))?\)$/;

/** Changes of packages called as `wanted` says, from /var/log/pacman.log, oldest first. A reinstallation is none. */
export function parsePacmanLog(
  text: string,
  wanted: ReadonlySet<string>,
  instantOf: (zoned: string) => number,
): readonly Change[] {
  const changes: Change[] = [];
  for (const line of text.split("\n")) {
    if (line.length > 1024) continue;
    const [, at = "", verb, name = "", first = "", second] = LINE.exec(line) ?? [];
    if (verb === undefined || !wanted.has(name)) continue;
    // The line is written when the package's files are in place; when that began, the log does not say.
    const endedAt = instantOf(at) + 1000;
    const from = verb === "installed" ? null : first;
    const to = verb === "removed" ? null : verb === "installed" ? first : (second ?? null);
    if (from !== to) changes.push({ name, architecture: null, startedAt: endedAt - 1000, endedAt, from, to });
  }
  return changes;
}

/** The time of the log's first line that has one; null where none has. */
export function firstOfPacmanLog(text: string): string | null {
  return /^\[(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4})\] /m.exec(text.slice(0, 64 * 1024))?.[1] ?? null;
}

import { globMatcher, isGlob } from "../fleet/glob.ts";
import { nearest } from "../fleet/nearest.ts";
import { readingsOf } from "../proc/maps.ts";

/** One PATH-or-GLOB as it was typed, and the other names of the same file. */
export interface Pattern {
  readonly typed: string;
  /** What the path leads to when its links are followed; empty for a glob. */
  readonly targets: readonly string[];
}

/**
 * Tells which of `patterns` a mapped path matches, as it is printed in maps: with or without ` (deleted)`. `*` stands
 * for any characters, slashes too; a pattern without a slash means the file's own name. `merged` are the top folders
 * that are links into /usr: `/lib/x` and `/usr/lib/x` are one file then.
 */
export function patternMatcher(
  patterns: readonly Pattern[],
  merged: ReadonlySet<string>,
): (printed: string) => readonly Pattern[] {
  const tests = patterns.map((pattern) => ({ pattern, matches: testOf(pattern) }));
  return (printed) => {
    const { literal, deleted } = readingsOf(printed);
    const names = [...literal, ...deleted].flatMap((name) => aliases(name, merged));
    return tests.flatMap(({ pattern, matches }) => (names.some(matches) ? [pattern] : []));
  };
}

function testOf({ typed, targets }: Pattern): (name: string) => boolean {
  const exact = new Set([typed, ...targets]);
  const glob = isGlob(typed) ? globMatcher(typed) : () => false;
  const isName = !typed.includes("/");
  return (path) => {
    const name = isName ? path.slice(path.lastIndexOf("/") + 1) : path;
    return exact.has(path) || exact.has(name) || glob(name);
  };
}

const MERGED = /^(?:\/usr)?(\/(?:bin|sbin|lib|lib32|lib64|libx32))(\/.*)$/s;

/** Names of a path on a host whose /usr is merged. */
export function aliases(path: string, merged: ReadonlySet<string>): readonly string[] {
  const [, folder, rest] = MERGED.exec(path) ?? [];
  return folder !== undefined && rest !== undefined && merged.has(folder)
    ? [`/usr${folder}${rest}`, `${folder}${rest}`]
    : [path];
}

/** The mapped paths that look most like what was typed: as a whole, by the file's name, by a library's without its version. */
export function nearestPaths(typed: string, paths: readonly string[]): readonly string[] {
  const plain = nameOf(typed).replace(/[*?]+/g, "");
  const tries = [
    { wanted: typed, of: (path: string) => path },
    { wanted: plain, of: nameOf },
    ...(SO_VERSION.test(plain)
      ? [{ wanted: unversioned(plain), of: (path: string) => unversioned(nameOf(path)) }]
      : []),
  ];
  for (const { wanted, of } of tries) {
    const candidates = Map.groupBy(paths, of);
    const near = nearest(wanted, candidates.keys());
    if (near.length > 0) return near.flatMap((name) => candidates.get(name)?.[0] ?? []);
  }
  return [];
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** `libwrap.so.0` and `libwrap.so.0.7.6` are one library. */
const SO_VERSION = /\.so(?:\.[0-9.]*)?$/;

function unversioned(name: string): string {
  return name.replace(SO_VERSION, ".so");
}

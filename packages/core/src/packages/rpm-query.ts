import { RPM_ENTRY } from "../cve/changelog.ts";

/** One package that rpm names as an owner. */
export interface RpmPackage {
  readonly name: string;
  readonly architecture: string;
  /** `[EPOCH:]VERSION-RELEASE`, without an epoch of 0. */
  readonly version: string;
  /** Epoch milliseconds. */
  readonly installedAt: number;
}

/** A path that exists and that no package has: its answer stands between the answers for two paths. */
export const SEPARATOR = "/proc/self/stat";

const FORMAT = "\\t%{NAME}\\t%{EPOCHNUM}\\t%{VERSION}\\t%{RELEASE}\\t%{ARCH}\\t%{INSTALLTIME}\\n";

/** How rpm is asked. Null: its own places. */
export interface RpmPlace {
  readonly root: string | null;
  readonly dbPath: string | null;
}

/**
 * Arguments of one rpm that names the owners of all `paths`. A path without an owner and a path that is gone are
 * answered on different streams, and a path of two packages twice: separators keep answers and paths together.
 */
export function ownerArguments(paths: readonly string[], place: RpmPlace): readonly string[] {
  const files = paths.flatMap((path) => [path, SEPARATOR]);
  return [...placeArguments(place), "-qf", "--queryformat", FORMAT, "--", ...files];
}

/** Arguments of one rpm that describes installed packages by name. */
export function nameArguments(names: readonly string[], place: RpmPlace): readonly string[] {
  return [...placeArguments(place), "-q", "--queryformat", FORMAT, "--", ...names];
}

/** Arguments of one rpm that prints the changelog of an installed package, as `parseRpmChangelog` reads it. */
export function changelogArguments(name: string, place: RpmPlace): readonly string[] {
  return [...placeArguments(place), "-q", "--queryformat", RPM_ENTRY, "--", name];
}

/** A line that begins so names the package whose changelog follows. */
const PACKAGE_MARK = "\u0002";

/** Arguments of one rpm that prints the changelogs of all installed packages. */
export function changelogsArguments(place: RpmPlace): readonly string[] {
  return [...placeArguments(place), "-qa", "--queryformat", `${PACKAGE_MARK}${FORMAT}${RPM_ENTRY}`];
}

/** What that prints. */
export function parseChangelogs(stdout: string): readonly (RpmPackage & { readonly text: string })[] {
  return stdout.split(`\n${PACKAGE_MARK}`).flatMap((part) => {
    const end = part.indexOf("\n");
    const entry = parseRpmLine(part.slice(0, end < 0 ? part.length : end).replace(PACKAGE_MARK, ""));
    return entry ? [{ ...entry, text: end < 0 ? "" : part.slice(end + 1) }] : [];
  });
}

function placeArguments({ root, dbPath }: RpmPlace): readonly string[] {
  return [...(root === null ? [] : ["--root", root]), ...(dbPath === null ? [] : ["--dbpath", dbPath])];
}

/** Whether a path may be handed to rpm: text of printable characters, whose answer cannot look like another one. */
export function isAskable(path: string): boolean {
  return path.startsWith("/") && path.length <= 4096 && path !== SEPARATOR && !/[\p{Cc}\p{Cs}\ufffd]/u.test(path);
}

/**
 * Owners of each path, in order; null when the answer does not fit the question (rpm was killed, or spoke in another
 * way), because then no line of it can be trusted.
 */
export function parseOwners(stdout: string, paths: readonly string[]): readonly (readonly RpmPackage[])[] | null {
  const owners: RpmPackage[][] = [];
  let group: RpmPackage[] = [];
  for (const line of stdout.split("\n")) {
    if (line === `file ${SEPARATOR} is not owned by any package`) {
      owners.push(group);
      group = [];
    } else {
      const owner = parseRpmLine(line);
      if (owner) group.push(owner);
    }
  }
  return owners.length === paths.length && group.length === 0 ? owners : null;
}

/** Null for a line that describes no package. */
export function parseRpmLine(line: string): RpmPackage | null {
  const [before, name = "", epoch = "", version = "", release = "", architecture = "", installed = "", ...more] =
    line.split("\t");
  if (before !== "" || more.length > 0 || line.length > 2048) return null;
  const words = [name, version, release, architecture];
  if (words.some((word) => !/^[\w.+~^%{}:-]+$/.test(word)) || !/^\d{1,10}$/.test(epoch)) return null;
  if (!/^\d{1,12}$/.test(installed)) return null;
  const evr = `${Number(epoch) > 0 ? `${Number(epoch)}:` : ""}${version}-${release}`;
  return { name, architecture, version: evr, installedAt: Number(installed) * 1000 };
}

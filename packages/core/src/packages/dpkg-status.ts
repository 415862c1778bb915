/** What dpkg says of one installed package, see deb-version(7) and dpkg(1), "PACKAGE STATES". */
export interface DpkgPackage {
  readonly name: string;
  readonly architecture: string;
  /** Null while its files are of two versions, or when the text is no version. */
  readonly version: string | null;
}

const NAME = /^[a-z0-9][a-z0-9+.-]{0,127}$/i;
const VERSION = /^[0-9a-z][0-9a-z.+~:-]{0,255}$/i;
const ARCHITECTURE = /^[a-z0-9][a-z0-9-]{0,63}$/;

/**
 * Packages of /var/lib/dpkg/status (or of a file in updates/) that have files on the disk; only those called as
 * `wanted` says. Of two entries for one package and architecture the later one counts.
 */
export function parseDpkgStatus(text: string, wanted: ReadonlySet<string>): readonly DpkgPackage[] {
  const found = new Map<string, DpkgPackage | null>();
  // Lines that go on begin with a blank, so this can only be the field.
  for (let at = text.startsWith("Package:") ? 0 : next(text, 0); at >= 0; at = next(text, at)) {
    const end = text.indexOf("\n", at);
    const name = text.slice(at + "Package:".length, end < 0 ? text.length : end).trim();
    if (!wanted.has(name) || !NAME.test(name)) continue;
    // Up to the next package at most: no part of the text is looked through once for each of them.
    const after = next(text, at);
    const [stanza = ""] = text.slice(at, after < 0 ? text.length : after).split("\n\n", 1);
    const architecture = field(stanza, "Architecture") ?? "";
    if (ARCHITECTURE.test(architecture)) found.set(`${name}:${architecture}`, packageOf(name, architecture, stanza));
  }
  return [...found.values()].filter((entry) => entry !== null);
}

function next(text: string, from: number): number {
  const at = text.indexOf("\nPackage:", from);
  return at < 0 ? -1 : at + 1;
}

/** Null where no files of it are left. */
function packageOf(name: string, architecture: string, stanza: string): DpkgPackage | null {
  const state = field(stanza, "Status")?.split(" ").at(-1);
  if (state === undefined || state === "not-installed" || state === "config-files") return null;
  const version = field(stanza, "Version") ?? "";
  const isWhole = state !== "half-installed" && VERSION.test(version);
  return { name, architecture, version: isWhole ? version : null };
}

function field(stanza: string, name: string): string | undefined {
  const at = stanza.indexOf(`\n${name}:`);
  if (at < 0) return undefined;
  const end = stanza.indexOf("\n", at + 1);
  return stanza.slice(at + name.length + 2, end < 0 ? stanza.length : end).trim();
}

/** Package and architecture of the name of a file in info/: `libc6:amd64.list`, `base-files.list`. Null for other files. */
export function ownerOfList(file: string): { readonly name: string; readonly architecture: string | null } | null {
  if (!file.endsWith(".list")) return null;
  const [name = "", architecture, ...more] = file.slice(0, -".list".length).split(":");
  if (!NAME.test(name) || more.length > 0) return null;
  return architecture !== undefined && !ARCHITECTURE.test(architecture)
    ? null
    : { name, architecture: architecture ?? null };
}

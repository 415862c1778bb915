// Paths hold one byte per character. A path of a merged /usr has two spellings: the kernel prints /usr/lib/x, a package
// may list /lib/x (and the other way round).

/** Paths to look for in lists of package files, however a list spells them. */
export interface Wanted {
  /** What was asked for, by each of its spellings. */
  readonly spellings: ReadonlyMap<string, string>;
  /** Lengths that a spelling has, by length: most lines are put aside by that. */
  readonly lengths: Uint8Array;
}

const LONGEST_PATH = 4096;
const MERGEABLE = /^\/usr(\/(?:bin|sbin|lib|lib32|lib64|libx32|libo32)\/.+)$/;

/** The spelling with /usr of a path, where `merged` folders (`/lib`) are links into it. */
export function canonicalPath(path: string, merged: ReadonlySet<string>): string {
  const slash = path.indexOf("/", 1);
  return slash > 0 && merged.has(path.slice(0, slash)) ? `/usr${path}` : path;
}

/** `paths` are canonical. */
export function wantedPaths(paths: Iterable<string>, merged: ReadonlySet<string>): Wanted {
  const spellings = new Map<string, string>();
  const lengths = new Uint8Array(LONGEST_PATH + 1);
  for (const path of paths) {
    const short = MERGEABLE.exec(path)?.[1];
    const isMerged = short !== undefined && merged.has(short.slice(0, short.indexOf("/", 1)));
    for (const spelling of isMerged ? [path, short] : [path]) {
      if (spelling.length > LONGEST_PATH) continue;
      spellings.set(spelling, path);
      lengths[spelling.length] = 1;
    }
  }
  return { spellings, lengths };
}

/** Which of the wanted paths a list of files names; `list` is the text of info/PACKAGE.list. */
export function listedPaths(list: string, { spellings, lengths }: Wanted): readonly string[] {
  const found = new Set<string>();
  for (let start = 0; start < list.length; ) {
    const newline = list.indexOf("\n", start);
    const end = newline < 0 ? list.length : newline;
    const length = end - start;
    if (length <= LONGEST_PATH && lengths[length] === 1) {
      const path = spellings.get(list.slice(start, end));
      if (path !== undefined) found.add(path);
    }
    start = end + 1;
  }
  return [...found];
}

/** See dpkg-divert(1). */
export interface Diversion {
  readonly from: string;
  readonly to: string;
  /** Null: diverted by the administrator. */
  readonly by: string | null;
}

/** Text of /var/lib/dpkg/diversions: three lines each. `merged` as above. */
export function parseDiversions(text: string, merged: ReadonlySet<string>): readonly Diversion[] {
  const lines = text.split("\n");
  const diversions: Diversion[] = [];
  for (let at = 0; at + 2 < lines.length; at += 3) {
    const [from = "", to = "", by = ""] = lines.slice(at, at + 3);
    if (!from.startsWith("/") || !to.startsWith("/") || by === "") break; // half-written: nothing after it is sure
    diversions.push({
      from: canonicalPath(from, merged),
      to: canonicalPath(to, merged),
      by: by === ":" ? null : by,
    });
  }
  return diversions;
}

/** Which path packages list for the file that is at `path`: its own, or the one it was diverted from. */
export function listedAs(path: string, diversions: readonly Diversion[]): string {
  return diversions.find(({ to }) => to === path)?.from ?? path;
}

/** Who of the packages that list `listedAs(path)` owns the file at `path`. */
export function ownersAt<T extends { readonly name: string }>(
  path: string,
  listing: readonly T[],
  diversions: readonly Diversion[],
): readonly T[] {
  for (const { from, to, by } of diversions) {
    if (to === path) return listing.filter(({ name }) => name !== by);
    if (from === path) return listing.filter(({ name }) => name === by);
  }
  return listing;
}

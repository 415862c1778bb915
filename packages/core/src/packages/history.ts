/** One change of an installed package, from a package log. */
export interface Change {
  readonly name: string;
  /** Null where the log does not name one. */
  readonly architecture: string | null;
  /** Epoch milliseconds between which files were replaced: `endedAt` is the first instant after it. */
  readonly startedAt: number;
  readonly endedAt: number;
  /** Null: was not installed before, or the log does not say what was. */
  readonly from: string | null;
  /** The log does not say what was there before. */
  readonly isFromUnknown?: true;
  /** Null: removed. */
  readonly to: string | null;
}

/** Changes in the order in which they happened, and since when no change is missing. */
export interface History {
  readonly completeSince: number;
  readonly changes: readonly Change[];
}

/**
 * The versions that code loaded at `since` or later can be of, when it is not of the version that is installed now.
 * Null when the history does not tell: it begins later, or does not end at what is installed.
 */
export function earlierVersions(
  { completeSince, changes }: History,
  of: { readonly name: string; readonly architecture: string | null; readonly installed: string | null },
  since: number,
): ReadonlySet<string> | null {
  if (!(completeSince <= since)) return null;
  const own = changes.filter(
    ({ name, architecture }) =>
      name === of.name && (architecture === null || of.architecture === null || architecture === of.architecture),
  );
  const last = own.at(-1);
  if (last === undefined || last.to !== of.installed) return null;
  const versions = new Set<string>();
  let before: string | null | undefined;
  for (const { from, to, endedAt, isFromUnknown } of own) {
    if (isFromUnknown && !(endedAt <= since)) return null;
    if (!isFromUnknown && before !== undefined && before !== from) return null; // something in between was not logged
    before = to;
    // Whatever was loaded after the last file was in place is of the new version or a later one. An instant that could
    // not be read is not a number, and counts as later.
    if (!(endedAt <= since) && from !== null) versions.add(from);
  }
  if (of.installed !== null) versions.delete(of.installed);
  return versions;
}

/** The only element of a set, else null: of two candidates none is reported. */
export function onlyOne(versions: ReadonlySet<string> | null): string | null {
  const [first, ...others] = versions ?? [];
  return first !== undefined && others.length === 0 ? first : null;
}

/** A change in a log that may not say what was there before. */
export type Loose = Omit<Change, "from"> & { readonly from?: string | null };

/** What was there before, where the line above about the same package says so. */
export function withEarlier(changes: readonly Loose[]): readonly Change[] {
  const last = new Map<string, Map<string | null, string | null>>();
  return changes.map((change) => {
    const { name, architecture, to } = change;
    const known = last.get(name) ?? new Map<string | null, string | null>();
    const from = change.from !== undefined ? change.from : known.get(architecture);
    // A line without an architecture is about all of them.
    if (architecture === null) known.clear();
    last.set(name, known.set(architecture, to));
    return from === undefined ? { ...change, from: null, isFromUnknown: true } : { ...change, from };
  });
}

import type { Change } from "./history.ts";

// 2020-06-10T10:34:57Z SUBDEBUG Upgrade: openssl-libs-1:1.1.1k-9.el8.x86_64
const LINE =
  /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:Z|[+-]\d{4})) \S+ (Installed|Erase|Upgrade|Upgraded|Downgrade|Downgraded|Obsoleted): (\S+)$/;

/**
 * Changes of packages called as `wanted` says, from the text of dnf.rpm.log, oldest first. `instantOf` turns
 * `2020-06-10T10:34:57+0200` to epoch milliseconds, NaN when it is none.
 */
export function parseDnfLog(
  text: string,
  wanted: ReadonlySet<string>,
  instantOf: (zoned: string) => number,
): readonly Change[] {
  const changes: Change[] = [];
  const open = new Map<string, Change>();
  for (const line of text.split("\n")) {
    const [, at = "", verb = "", nevra = ""] = LINE.exec(line) ?? [];
    const parts = splitNevra(nevra);
    if (parts === null || !wanted.has(parts.name)) continue;
    const { name, architecture, version } = parts;
    const identity = `${name}.${architecture}`;
    const instant = instantOf(at);
    const change = { name, architecture, startedAt: instant, endedAt: instant + 1000, from: null, to: version };
    switch (verb) {
      case "Upgrade":
      case "Downgrade":
        open.set(identity, change); // which version it replaced is said when that is taken away
        break;
      case "Upgraded":
      case "Downgraded": {
        const begun = open.get(identity);
        open.delete(identity);
        changes.push({ ...(begun ?? { ...change, to: null }), from: version });
        break;
      }
      case "Installed":
        changes.push(change);
        break;
      default:
        changes.push({ ...change, from: version, to: null });
    }
  }
  // Begun and never ended: nobody knows what it replaced.
  for (const change of open.values()) changes.push({ ...change, endedAt: Number.POSITIVE_INFINITY, to: null });
  return changes;
}

/** `NAME-[EPOCH:]VERSION-RELEASE.ARCH` */
export function splitNevra(nevra: string) {
  const [, name, version, architecture] = /^(.+)-([^-]+-[^-]+)\.([A-Za-z0-9_]+)$/.exec(nevra) ?? [];
  if (name === undefined || version === undefined || architecture === undefined) return null;
  return { name, version: version.replace(/^0:/, ""), architecture };
}

/** The first line that has a time, or null. */
export function firstZoned(text: string): string | null {
  return /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:Z|[+-]\d{4})) /m.exec(text.slice(0, 64 * 1024))?.[1] ?? null;
}

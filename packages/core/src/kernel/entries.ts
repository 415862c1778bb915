import type { LoaderFacts } from "./facts.ts";
import { compareSegments } from "../packages/rpm-version.ts";
import { compareEntryVersions } from "./entry-version.ts";

/** An entry of the Boot Loader Specification (UAPI.1), type 1. */
export interface Entry {
  /** File name without `.conf` and without the counters of boot counting. */
  readonly id: string;
  readonly title: string;
  readonly version: string | null;
  readonly sortKey: string | null;
  readonly machineId: string;
  /** Null for an entry that starts something else. */
  readonly linux: string | null;
  readonly initrd: readonly string[];
  /** Boot counting: every try was used up. */
  readonly isBad: boolean;
}

export type EntryFile = NonNullable<LoaderFacts["entries"]>["files"][number];

export function parseEntry({ name, text }: EntryFile): Entry {
  const values = new Map<string, string[]>();
  for (const line of text.split("\n")) {
    const [, key, value] = /^\s*([\w-]+)[ \t]+(\S.*)$/.exec(line) ?? [];
    if (key === undefined || value === undefined) continue;
    const known = values.get(key);
    if (known) known.push(value.trim());
    else values.set(key, [value.trim()]);
  }
  const last = (key: string): string | null => values.get(key)?.at(-1) ?? null;
  // NAME+LEFT-DONE.conf, "Boot counting" in the specification.
  const [, id = "", left] = /^(.*?)(?:\+([0-9]+)(?:-[0-9]+)?)?\.conf$/s.exec(name) ?? [];
  const path = last("linux");
  return {
    id,
    title: last("title") ?? id,
    version: last("version"),
    sortKey: last("sort-key"),
    machineId: last("machine-id") ?? "",
    linux: path === null ? null : slashed(path),
    // GRUB's entries may name several in one line, and variables among them.
    initrd: (values.get("initrd") ?? []).flatMap((value) =>
      value
        .split(/\s+/)
        .filter((word) => !word.startsWith("$"))
        .map(slashed),
    ),
    isBad: left !== undefined && /^0+$/.test(left),
  };
}

function slashed(path: string): string {
  return path.startsWith("/") ? path : `/${path}`;
}

/** Order of GRUB's blscfg command, first in the menu first: by file name as a package's name, version and release. */
export function inGrubOrder(entries: readonly Entry[]): readonly Entry[] {
  const keyed = entries.map((entry) => ({ entry, parts: packageParts(entry.id) }));
  keyed.sort(({ parts: a }, { parts: b }) => {
    for (const at of [0, 1, 2] as const) {
      const difference = compareSegments(b[at], a[at]);
      if (difference !== 0) return difference;
    }
    return 0;
  });
  return keyed.map(({ entry }) => entry);
}

/** Order of systemd-boot, first in the menu first (systemd-boot(7), boot_entry_compare). */
export function inSystemdOrder(entries: readonly Entry[]): readonly Entry[] {
  return entries.toSorted((a, b) => {
    if (a.isBad !== b.isBad) return a.isBad ? 1 : -1;
    if ((a.sortKey === null) !== (b.sortKey === null)) return a.sortKey === null ? 1 : -1;
    if (a.sortKey !== null && b.sortKey !== null) {
      const difference =
        byText(a.sortKey, b.sortKey) ||
        byText(a.machineId, b.machineId) ||
        compareEntryVersions(b.version ?? "", a.version ?? "");
      if (difference !== 0) return difference;
    }
    return compareEntryVersions(b.id, a.id) || byText(b.id, a.id);
  });
}

function packageParts(id: string): readonly [string, string, string] {
  const release = id.lastIndexOf("-");
  if (release < 0) return ["", "", id];
  const version = id.lastIndexOf("-", release - 1);
  const end = release > 0 ? version : -1;
  return [end < 0 ? "" : id.slice(0, end), id.slice(end + 1, release), id.slice(release + 1)];
}

function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

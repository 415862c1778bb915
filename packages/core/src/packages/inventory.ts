import type { Content } from "../facts.ts";

/** A mapped file as it once was on the disk, and the package it belonged to. */
export interface InventoryEntry {
  /** One byte per character, without symbolic links. */
  readonly path: string;
  /** What stat said: an unchanged key means an unchanged file. */
  readonly key: string;
  /** Null when it belongs to no package. */
  readonly owned: OwnedContent | null;
  /** When a scan last saw it, epoch milliseconds. */
  readonly seenAt: number;
}

export interface OwnedContent {
  /** `build-id:HEX` or `sha256:HEX` */
  readonly content: string;
  /** With the architecture only where that is not the host's own: `libc6`, `libc6:i386`, `glibc.i686`. */
  readonly name: string;
  readonly architecture: string;
  /** Null where the file is not as the package brought it: somebody wrote to it later. */
  readonly version: string | null;
  /** Epoch milliseconds. */
  readonly installedAt: number;
}

const SCHEMA = "afterpatch.inventory/v1";
const MOST_ENTRIES = 8192;
/** Files of no package: anybody can make many of them, and none may drive out what is known. */
const MOST_UNOWNED = 1024;
const LONGEST_TEXT = 4096;

/** Largest file that is read back. */
export const LONGEST_INVENTORY = 16 * 1024 * 1024;

/** Name of what a file holds, null where it could not be read. */
export function contentName(content: Content): string | null {
  return content.kind === "build-id" || content.kind === "sha256" ? `${content.kind}:${content.hex}` : null;
}

type Row = readonly [string, string, number, ...([] | [string, string, string, string | null, number])];

export function serializeInventory(entries: readonly InventoryEntry[]): string {
  const rows = entries.map(({ path, key, owned, seenAt }): Row => {
    if (owned === null) return [path, key, seenAt];
    return [path, key, seenAt, owned.content, owned.name, owned.architecture, owned.version, owned.installedAt];
  });
  return `{"schema":${JSON.stringify(SCHEMA)},"files":[\n${rows.map((row) => JSON.stringify(row)).join(",\n")}\n]}\n`;
}

/** Null when the text is no inventory of this version of the program, whole and in every row. */
export function parseInventory(text: string): readonly InventoryEntry[] | null {
  const document = parseJson(text);
  if (typeof document !== "object" || document === null || !("schema" in document) || !("files" in document))
    return null;
  if (document.schema !== SCHEMA || !Array.isArray(document.files) || document.files.length > MOST_ENTRIES) return null;
  const entries: InventoryEntry[] = [];
  for (const row of document.files) {
    const entry = parseRow(row);
    if (entry === null) return null;
    entries.push(entry);
  }
  return entries;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

function parseRow(row: unknown): InventoryEntry | null {
  if (!Array.isArray(row) || (row.length !== 3 && row.length !== 8)) return null;
  const [path, key, seenAt, content, name, architecture, version, installedAt] = row as readonly unknown[]; // an array of anything
  if (!isText(path) || !path.startsWith("/") || !isText(key) || !isInstant(seenAt)) return null;
  if (row.length === 3) return { path, key, owned: null, seenAt };
  if (!isText(content) || !isText(name) || !isText(architecture) || !isInstant(installedAt)) return null;
  if (version !== null && !isText(version)) return null;
  return { path, key, owned: { content, name, architecture, version, installedAt }, seenAt };
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "" && value.length <= LONGEST_TEXT;
}

function isInstant(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

/**
 * What is kept of old entries and of those a scan has just seen: one entry for one path and content and version, the
 * most recently seen ones where there are too many.
 */
export function mergeInventory(
  old: readonly InventoryEntry[],
  seen: readonly InventoryEntry[],
): readonly InventoryEntry[] {
  const kept = new Map<string, InventoryEntry>();
  for (const entry of [...old, ...seen]) {
    const { path, owned } = entry;
    // Of a file that belongs to nobody only the present state is of use.
    const identity = JSON.stringify(owned === null ? [path] : [path, owned.content, owned.name, owned.version]);
    const known = kept.get(identity);
    if (known === undefined || known.seenAt <= entry.seenAt) kept.set(identity, entry);
  }
  const newest = [...kept.values()].sort((a, b) => b.seenAt - a.seenAt);
  const owned = newest.filter((entry) => entry.owned !== null).slice(0, MOST_ENTRIES - MOST_UNOWNED);
  return [...owned, ...newest.filter((entry) => entry.owned === null).slice(0, MOST_UNOWNED)];
}

/**
 * The package that code in memory came from, by what it holds: what was at the same path, else anywhere in the package
 * that owns the path now. Null when that is nothing, or more than one version; without a version when somebody had changed it.
 */
export function packageOfContent(
  entries: readonly InventoryEntry[],
  { path, content, owner }: { readonly path: string; readonly content: string; readonly owner: string | null },
): OwnedContent | null {
  const same = entries.flatMap((entry) =>
    entry.owned !== null && entry.owned.content === content ? { ...entry.owned, path: entry.path } : [],
  );
  const here = same.filter((entry) => entry.path === path);
  const candidates = here.length > 0 ? here : same.filter(({ name }) => name === owner);
  // The same bytes once more, with a newer time, are still those of the package.
  const unchanged = candidates.filter(({ version }) => version !== null);
  const [first, ...others] = unchanged.length > 0 ? unchanged : candidates;
  if (first === undefined) return null;
  return others.every(({ name, version }) => name === first.name && version === first.version) ? first : null;
}

/** Name of a package without the architecture that is shown for a foreign one. */
export function bareName(shown: string): string {
  return shown.replace(/(?::[a-z0-9-]+|\.(?:i[3-6]86|x86_64|aarch64|armv7hl|ppc64le|s390x))$/, "");
}

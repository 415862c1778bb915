import { type BigIntStats, statSync, utimesSync } from "node:fs";
import { dirname } from "node:path";
import {
  type BootClock,
  type FileState,
  isStepped,
  kindOf,
  LONGEST_STATES,
  type Now,
  nextClock,
  nextState,
  parseClock,
  parseStates,
  serializeStates,
} from "@afterpatch/core/detect/file-state";
import { contentName } from "@afterpatch/core/packages/inventory";
import { bytesOf, contentOf } from "./content.ts";
import { allowance, readBytes } from "./packages/bytes.ts";
import { saveText } from "./packages/inventory.ts";
import { codeOf, explain } from "./read.ts";

/** What the last scan saw of mapped files, and what this one adds. Paths are of this host's own tree. */
export interface States {
  /** Epoch milliseconds at which the last scan began, by the clock of then. */
  readonly seenAt: number;
  /** Milliseconds since the start of the machine at which the last scan began; null: in another boot, or not known. */
  readonly seenUptime: number | null;
  /** What the last scan knew of this boot's clock, and what this one knows. */
  readonly clock: { readonly old: BootClock | null; readonly now: BootClock };
  readonly old: ReadonlyMap<string, FileState>;
  /** Every mapped file whose path leads to the very inode that is mapped. */
  readonly seen: Map<string, BigIntStats>;
  /** Those that were looked at more closely, complete. */
  readonly judged: Map<string, FileState>;
  /** Bytes that may still be read. */
  readonly budget: { bytes: bigint };
  readonly notes: string[];
}

/** Longer files are told by their build-ids. */
const LONGEST_READ = 16n * 1024n * 1024n;
/** The first scans have everything to read; a few of them share it. */
const READ_BYTES = 64n * 1024n * 1024n;

/** Where they are kept, by the file of the inventory. */
export function statesBeside(inventory: string): string {
  return `${inventory}.states`;
}

/** `file` is beside the inventory. What cannot be used is left out and said. */
export function loadStates(file: string, boot: { readonly bootId: string; readonly bootedAt: number }): States {
  const unknown = { old: null, now: nextClock(null, boot.bootId, boot.bootedAt) };
  const empty = {
    seen: new Map(),
    judged: new Map(),
    budget: { bytes: READ_BYTES },
    notes: [] as string[],
    seenUptime: null,
    clock: unknown,
  };
  const read = readBytes(file, LONGEST_STATES, allowance());
  if (read.kind === "missing") return { ...empty, seenAt: 0, old: new Map() };
  const text = read.kind === "bytes" ? read.bytes.toString("utf8") : "";
  const states = parseStates(text);
  if (states !== null && read.kind === "bytes") {
    // The time of the file is that of the last scan: most scans find nothing new, and write nothing else.
    const seenAt = Number(read.stat.mtimeMs);
    const before = parseClock(text);
    const old = before?.bootId === boot.bootId ? before : null;
    const clock = { old: before, now: nextClock(before, boot.bootId, boot.bootedAt) };
    const seenUptime = old === null ? null : seenAt - old.last;
    return { ...empty, seenAt, seenUptime, clock, old: new Map(states.map((state) => [state.path, state])) };
  }
  const why = read.kind === "unreadable" ? read.why : "it is damaged, or of another version of this program";
  return { ...empty, seenAt: 0, old: new Map(), notes: [`inventory: ${file}: ${why}: it is begun anew`] };
}

/** What a file is now; null where that cannot be read. `like`: the kind of content that it is to be compared with. */
export function nowOf(path: string, stat: BigIntStats, states: States, like: FileState | null): Now | null {
  const side = { path, isHandle: false, stat };
  const isShort = stat.size <= LONGEST_READ && stat.size <= states.budget.bytes;
  const whole = like === null ? isShort : kindOf(like.content) === "sha256" && isShort;
  const content = contentName(whole ? bytesOf(side, states.budget) : contentOf(side, { bytes: 0n }));
  if (content === null) return null;
  return { inode: inodeOf(stat), key: keyOf(stat), content, changedAt: Number(stat.ctimeMs) };
}

/** Keeps what this scan saw. Files that nobody maps any more are forgotten: all that is kept was seen at `startedAt`. */
export function keepStates(file: string, states: States, startedAt: number): readonly string[] {
  const { old, seen, judged, notes, clock } = states;
  const next: FileState[] = [];
  let isChanged = isStepped(clock.old, clock.now);
  const bySize = [...seen].sort(([, a], [, b]) => Number(a.size - b.size));
  for (const [path, stat] of bySize) {
    const known = old.get(path) ?? null;
    const state =
      judged.get(path) ?? (known?.key === keyOf(stat) ? improved(known, stat, states) : fresh(path, stat, states));
    if (state !== null) next.push(state);
    isChanged ||= state !== known;
  }
  if (!isChanged && next.length === old.size) return [...notes, ...touch(file, startedAt)];
  const unsaved = saveText(file, serializeStates(next, clock.now));
  return [...notes, ...(unsaved === null ? touch(file, startedAt) : [unsaved])];
}

/** A short file that there was no time to read. */
function improved(known: FileState, stat: BigIntStats, states: States): FileState {
  if (kindOf(known.content) === "sha256" || stat.size > LONGEST_READ || stat.size > states.budget.bytes) return known;
  const now = nowOf(known.path, stat, states, null);
  return now === null || now.key !== known.key ? known : { ...known, content: now.content };
}

function fresh(path: string, stat: BigIntStats, states: States): FileState | null {
  const old = states.old.get(path) ?? null;
  const now = nowOf(path, stat, states, old);
  if (now === null || !isUnchanged(path, stat)) return null;
  return nextState(path, old, now, []);
}

/** What was read belongs to this stat only if nobody wrote meanwhile. */
function isUnchanged(path: string, stat: BigIntStats): boolean {
  try {
    return keyOf(statSync(Buffer.from(path, "latin1"), { bigint: true })) === keyOf(stat);
  } catch (error) {
    codeOf(error); // gone
    return false;
  }
}

function touch(file: string, at: number): readonly string[] {
  try {
    utimesSync(file, at / 1000, at / 1000);
    return [];
  } catch (error) {
    return [`inventory: ${dirname(file)}: ${explain(codeOf(error))}: it is not kept`];
  }
}

export function inodeOf({ dev, ino }: BigIntStats): string {
  return `${dev.toString(36)}.${ino.toString(36)}`;
}

export function keyOf({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return [dev, ino, size, mtimeNs, ctimeNs].map((number) => number.toString(36)).join(".");
}

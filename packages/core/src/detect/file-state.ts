// What mapped files held when a scan last saw them, kept from one scan to the next. It proves what memory cannot: pages
// of code that nobody writes to are the file's own, so a file that was written to in place, with relocations that stayed
// what they were, looks in the memory of its processes as if they had just loaded it.

/** One mapped file of this host, as a scan saw it. */
export interface FileState {
  /** One byte per character, without symbolic links. */
  readonly path: string;
  /** Device and number: another file under the same path is another inode as long as somebody has the old one mapped. */
  readonly inode: string;
  /** What stat said: an unchanged key means unchanged content, for every write moves ctime, and nobody can set that. */
  readonly key: string;
  /** `sha256:HEX`, or `build-id:HEX` of files too long to read. */
  readonly content: string;
  /** ctime, in epoch milliseconds, when this inode was first seen with this content: it is not younger than that. */
  readonly since: number;
  /** Processes that had the file mapped before it got this content. */
  readonly before: readonly Mapped[];
}

/** One process's mapping of a file. Its address tells it from that of the same process after execve(2) or dlopen(3). */
export interface Mapped {
  readonly pid: number;
  readonly startTicks: number;
  readonly address: number;
  /** False: whether it was mapped before or after cannot be told. */
  readonly isSure: boolean;
}

/** A file as it is now. */
export type Now = Pick<FileState, "inode" | "key" | "content"> & { readonly changedAt: number };

/** One process that has a file mapped, as it is now. */
export interface Holder extends Omit<Mapped, "isSure"> {
  readonly ppid: number;
  /** Epoch milliseconds. */
  readonly startedAt: number;
}

/** Start times and file times are read off different clocks. */
const SLACK_MS = 1000;

/**
 * Whether a process had a file mapped before it got its present content; null: this does not tell.
 *
 * Neither time of the file proves that: touch moves mtime and chmod ctime without a byte being written, `rsync --inplace`
 * and `touch -r` put mtime back. Only other content than an earlier scan saw under the same inode does, together with a
 * process that was there at that scan. Where the process is younger than that scan nobody saw which of the two was first.
 * The process is looked at by its mapping: PID 1 after daemon-reexec, or a plugin that was loaded once more, has it
 * elsewhere, while start times stay; a forked child has it where its parent has it.
 */
export function mappedBefore(
  old: FileState | null,
  now: Now,
  seenAt: number,
  holder: Holder,
): "before" | "unsure" | "after" | null {
  if (old === null || old.inode !== now.inode) return null;
  const known = old.before.find(
    ({ pid, startTicks, address }) =>
      address === holder.address &&
      ((pid === holder.pid && startTicks === holder.startTicks) || (pid === holder.ppid && pid !== 1)),
  );
  if (known) return known.isSure ? "before" : "unsure";
  if (isRewritten(old, now)) return holder.startedAt + SLACK_MS < seenAt ? "before" : "unsure";
  // The same bytes ever since it started, whatever its times say.
  return old.content === now.content && old.since + SLACK_MS < holder.startedAt ? "after" : null;
}

/** The state of a file by what was known of it and what it is now. */
export function nextState(path: string, old: FileState | null, now: Now, before: readonly Mapped[]): FileState {
  const { inode, key, content, changedAt } = now;
  const isSame = old !== null && old.inode === inode && old.content === content;
  return { path, inode, key, content, since: isSame ? old.since : changedAt, before };
}

/** Of the same inode. Content that was read in two ways cannot be compared. */
function isRewritten(old: FileState, now: Now): boolean {
  return old.key !== now.key && kindOf(old.content) === kindOf(now.content) && old.content !== now.content;
}

export function kindOf(content: string): string {
  return content.slice(0, content.indexOf(":"));
}

/**
 * The clock of one boot as scans saw it: when the machine started by the clock of each, epoch milliseconds. A step of the
 * clock moves that, and with it every time that is reckoned from the start of a process.
 */
export interface BootClock {
  readonly bootId: string;
  /** The least and the greatest. */
  readonly from: number;
  readonly to: number;
  /** Of the last scan. */
  readonly last: number;
}

/** The same with one more scan; another boot begins anew. */
export function nextClock(old: BootClock | null, bootId: string, bootedAt: number): BootClock {
  if (old === null || old.bootId !== bootId) return { bootId, from: bootedAt, to: bootedAt, last: bootedAt };
  return { bootId, from: Math.min(old.from, bootedAt), to: Math.max(old.to, bootedAt), last: bootedAt };
}

/** Whether two differ by more than the reading of two clocks one after the other does. */
export function isStepped(old: BootClock | null, next: BootClock): boolean {
  if (old === null || old.bootId !== next.bootId) return true;
  return [old.from - next.from, old.to - next.to, old.last - next.last].some((by) => Math.abs(by) > SLACK_MS);
}

const SCHEMA = "afterpatch.states/v1";
const MOST_STATES = 16_384;
const MOST_MAPPED = 20_000;
const LONGEST_TEXT = 4096;

/** Largest file that is read back. */
export const LONGEST_STATES = 16 * 1024 * 1024;

type Entry = readonly [number, number, number, 0 | 1];
type Row = readonly [string, string, string, string, number, ...Entry[]];

export function serializeStates(states: readonly FileState[], clock: BootClock | null = null): string {
  let left = MOST_MAPPED;
  const rows = states.slice(0, MOST_STATES).map(({ path, inode, key, content, since, before }): Row => {
    const mapped = before
      .slice(0, left)
      .map(({ pid, startTicks, address, isSure }): Entry => [pid, startTicks, address, isSure ? 1 : 0]);
    left -= mapped.length;
    return [path, inode, key, content, since, ...mapped];
  });
  const boot = clock === null ? "" : `"boot":${JSON.stringify(clock)},`;
  return `{"schema":${JSON.stringify(SCHEMA)},${boot}"files":[\n${rows.map((row) => JSON.stringify(row)).join(",\n")}\n]}\n`;
}

/** Null when the text is not such a list, whole and in every row. */
export function parseStates(text: string): readonly FileState[] | null {
  const document = parseJson(text);
  if (typeof document !== "object" || document === null || !("schema" in document) || !("files" in document))
    return null;
  if (document.schema !== SCHEMA || !Array.isArray(document.files) || document.files.length > MOST_STATES) return null;
  const states: FileState[] = [];
  for (const row of document.files) {
    const state = parseRow(row);
    if (state === null) return null;
    states.push(state);
  }
  return states;
}

/** The clock in such a list; null where there is none, or it is damaged: then nothing is known of steps. */
export function parseClock(text: string): BootClock | null {
  const document = parseJson(text);
  if (typeof document !== "object" || document === null || !("boot" in document)) return null;
  const { bootId, from, to, last } = { ...(document.boot as Partial<Record<keyof BootClock, unknown>>) }; // any JSON
  const times = [from, to, last];
  if (typeof bootId !== "string" || !times.every((at): at is number => typeof at === "number" && Number.isFinite(at)))
    return null;
  return { bootId, from: times[0] ?? 0, to: times[1] ?? 0, last: times[2] ?? 0 };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

function parseRow(row: unknown): FileState | null {
  if (!Array.isArray(row)) return null;
  const [path, inode, key, content, since, ...rest] = row as readonly unknown[]; // an array of anything
  if (!isText(path) || !path.startsWith("/") || !isText(inode) || !isText(key) || !isText(content)) return null;
  if (!/^(?:sha256|build-id):[0-9a-f]+$/.test(content) || typeof since !== "number" || !Number.isFinite(since))
    return null;
  const before: Mapped[] = [];
  for (const entry of rest) {
    const mapped = parseMapped(entry);
    if (mapped === null) return null;
    before.push(mapped);
  }
  return { path, inode, key, content, since, before };
}

function parseMapped(entry: unknown): Mapped | null {
  if (!Array.isArray(entry) || entry.length !== 4) return null;
  const [pid, startTicks, address, isSure] = entry as readonly unknown[]; // an array of anything
  if (!isNumber(pid) || !isNumber(startTicks) || !isNumber(address) || (isSure !== 0 && isSure !== 1)) return null;
  return { pid, startTicks, address, isSure: isSure === 1 };
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "" && value.length <= LONGEST_TEXT;
}

function isNumber(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
import { fileReason } from "@afterpatch/core/command-error";
import { isRestart } from "@afterpatch/core/policy/caps";
import { JournalError } from "./error.ts";
import { decodeLines, encodeLine } from "./lines.ts";
import { type Intent, stepKey } from "./operations.ts";

/**
 * What was begun on this host, whatever the state directory: caps count by it. On the disk, for a reboot must not make
 * room for the next one. Whoever acts holds the host's lock of acting, so one process at a time writes it.
 */
export const STARTS = "/var/lib/afterpatch/starts.jsonl";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** The largest caps that an agent's file can have (docs/agent.schema.json): what is beyond them changes nothing. */
const MOST_RESTARTS = 1_000;
const MOST_REBOOTS = 24;
/** Many times what those take. */
const LONGEST_BYTES = 4 * 1024 * 1024;

export function isReboot({ step }: Intent): boolean {
  return step.kind === "reboot";
}

/** Of a step of an order, however often it was tried. */
export function startKey({ op, step }: Pick<Intent, "op" | "step">): string {
  return `${op} ${stepKey(step)}`;
}

/**
 * Does a cap count it still? What seems to lie in the future counts: a clock that was set back must not make room. `now`:
 * epoch milliseconds.
 */
export function isCounted(intent: Intent, now: number): boolean {
  if (isReboot(intent)) return intent.at > now - DAY_MS;
  return isRestart(intent.step.kind) && intent.at > now - HOUR_MS;
}

/**
 * What is in the register; none where there is no register yet. It is never written but whole, and never empty: what is
 * damaged says nothing. Throws JournalError, and errors of system calls.
 */
export function startsIn(file: string): readonly Intent[] {
  const bytes = contentOf(file);
  if (bytes === null) return [];
  const { records, intactBytes } = decodeLines(bytes, file);
  if (records.length === 0 || intactBytes < bytes.length) {
    throw new JournalError("corrupt", `${file} is corrupt in line ${records.length + 1}`);
  }
  return records.flatMap((record) => (record.type === "intent" ? [record] : []));
}

function contentOf(file: string): Buffer | null {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  try {
    return withOpen(file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, (fd) => {
      const stat = fstatSync(fd);
      if (!stat.isFile() || stat.size > LONGEST_BYTES)
        throw new JournalError("corrupt", `${file} is no register of starts`);
      return readFileSync(fd);
    });
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw error;
  }
}

/**
 * Writes a start into the register, on the disk when this returns, and leaves out what no cap counts any more. The old
 * file stays in force until the new one is complete. Throws JournalError.
 */
export function noteStart(file: string, start: Intent, now: number): void {
  if (!isCounted(start, now)) return;
  try {
    const others = startsIn(file).filter((one) => isCounted(one, now) && startKey(one) !== startKey(start));
    const counted = [...others, { ...start, before: kept(start) }];
    const [reboots, restarts] = [counted.filter(isReboot), counted.filter((intent) => !isReboot(intent))];
    const newest = [...reboots.slice(-MOST_REBOOTS), ...restarts.slice(-MOST_RESTARTS)];
    mkdirSync(dirname(file), { recursive: true, mode: 0o755 });
    replace(file, Buffer.concat(newest.map(encodeLine)));
  } catch (error) {
    if (error instanceof JournalError) throw error;
    throw new JournalError("failed", `${file} cannot be written: ${fileReason(error)}`, { cause: error });
  }
}

/** Of what was seen before: which kernel a reboot was for, and in which boot. */
function kept(start: Intent): Intent["before"] {
  if (!isReboot(start)) return {};
  const { expected, bootId } = start.before;
  return { ...(expected === undefined ? {} : { expected }), ...(bootId === undefined ? {} : { bootId }) };
}

function replace(file: string, bytes: Buffer): void {
  const next = `${file}.new`;
  const { O_WRONLY, O_CREAT, O_TRUNC, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_DIRECTORY } = constants;
  withOpen(next, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NONBLOCK, (fd) => {
    writeFileSync(fd, bytes);
    fsyncSync(fd);
  });
  renameSync(next, file);
  withOpen(dirname(file), O_RDONLY | O_DIRECTORY, fsyncSync);
}

function withOpen<T>(path: string, flags: number, work: (fd: number) => T): T {
  const fd = openSync(path, flags, 0o600);
  try {
    return work(fd);
  } finally {
    closeSync(fd);
  }
}

import { constants } from "node:fs";
import { type FileHandle, open, rename } from "node:fs/promises";
import { dirname } from "node:path";
import type { Journal, JournalRecord } from "../ports.ts";
import { JournalError } from "./error.ts";
import { recordsToKeep } from "./keep.ts";
import { decodeLines, encodeLine } from "./lines.ts";

export interface FileJournal extends Journal {
  close(): Promise<void>;
}

export interface OpenOptions {
  /** Epoch milliseconds, to forget old permits by. */
  readonly now: number;
  /** A larger file is rewritten when it is opened. */
  readonly limitBytes?: number;
}

const LIMIT_BYTES = 4 * 1024 * 1024;

/** File of the daemon's journal in the state directory; one process at a time may have it open. */
export const JOURNAL_FILE = "journal.jsonl";

/**
 * Opens or creates the journal, mode 0600. What it returns is on the disk: a torn last line is cut off, and the rest
 * is synced before anybody acts on it. Throws JournalError `corrupt`.
 */
export async function openJournal(file: string, options: OpenOptions): Promise<FileJournal> {
  let handle = await openSynced(file);
  try {
    const bytes = await handle.readFile();
    let { records, intactBytes } = decodeLines(bytes, file);
    if (intactBytes < bytes.length) await handle.truncate(intactBytes);
    await handle.sync();
    const kept = intactBytes > (options.limitBytes ?? LIMIT_BYTES) ? recordsToKeep(records, options.now) : records;
    if (kept.length < records.length) {
      records = [...kept];
      const rewritten = await rewrite(file, records);
      await handle.close();
      handle = rewritten;
    }
    return journalOn(handle, records, file);
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function openSynced(file: string): Promise<FileHandle> {
  const flags = constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW;
  const handle = await open(file, flags, 0o600);
  await syncDirectory(dirname(file));
  return handle;
}

/** The old file stays in force until the new one is complete on the disk. */
async function rewrite(file: string, records: readonly JournalRecord[]): Promise<FileHandle> {
  const next = `${file}.new`;
  const { O_RDWR, O_APPEND, O_CREAT, O_TRUNC, O_NOFOLLOW } = constants;
  const handle = await open(next, O_RDWR | O_APPEND | O_CREAT | O_TRUNC | O_NOFOLLOW, 0o600);
  try {
    await handle.writeFile(Buffer.concat(records.map(encodeLine)));
    await handle.sync();
    await rename(next, file);
    await syncDirectory(dirname(file));
    return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function journalOn(handle: FileHandle, known: readonly JournalRecord[], file: string): FileJournal {
  const records = [...known];
  let failure: unknown = null;
  let last = Promise.resolve();

  async function write(record: JournalRecord): Promise<void> {
    if (failure !== null) throw failed(file, failure);
    try {
      await handle.appendFile(encodeLine(record));
      await handle.datasync();
    } catch (error) {
      failure = error;
      throw failed(file, error);
    }
    records.push(record);
  }

  return {
    records: () => [...records],
    append(record) {
      const written = last.then(() => write(record));
      last = written.catch(() => undefined); // the caller of that append was told; the next one is refused by `failure`
      return written;
    },
    async close() {
      await last;
      await handle.close();
    },
  };
}

function failed(file: string, cause: unknown): JournalError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new JournalError("failed", `${file} can no longer be written: ${why}`, { cause });
}

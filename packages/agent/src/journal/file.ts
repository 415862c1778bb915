import { constants } from "node:fs";
import { type FileHandle, open, rename } from "node:fs/promises";
import { dirname } from "node:path";
import { fileReason } from "@afterpatch/core/command-error";
import type { Journal, JournalRecord } from "../ports.ts";
import { JournalError } from "./error.ts";
import { recordsToKeep } from "./keep.ts";
import { decodeLines, encodeLine } from "./lines.ts";
import { unfinished } from "./operations.ts";
import { noteStart } from "./starts.ts";

export interface FileJournal extends Journal {
  close(): Promise<void>;
}

export interface OpenOptions {
  /** Epoch milliseconds, to forget old permits by. */
  readonly now: () => number;
  /** A file that would grow beyond it is rewritten with what still counts. */
  readonly limitBytes?: number;
  /** The host's register of starts, which every intent goes into before it goes here; null: none is kept. */
  readonly starts: string | null;
}

const LIMIT_BYTES = 4 * 1024 * 1024;

/** File of the daemon's journal in the state directory; one process at a time may have it open. */
export const JOURNAL_FILE = "journal.jsonl";

/**
 * Opens or creates the journal, mode 0600. What its `records` tell is on the disk before anybody acts on it. Throws
 * JournalError.
 */
export async function openJournal(file: string, options: OpenOptions): Promise<FileJournal> {
  const handle = await attempt(file, "opened", () => openSynced(file));
  try {
    const bytes = await attempt(file, "read", () => handle.readFile());
    const { records, intactBytes } = decodeLines(bytes, file);
    const journal = new JournalOnDisk(file, handle, records, intactBytes, options);
    await journal.makeSure(intactBytes < bytes.length || unfinished(records).length > 0);
    return journal;
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function openSynced(file: string): Promise<FileHandle> {
  const { O_RDWR, O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK } = constants;
  const handle = await open(file, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o600);
  try {
    if (!(await handle.stat()).isFile()) throw new Error("it is no regular file");
    await syncDirectory(dirname(file));
    return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
}

class JournalOnDisk implements FileJournal {
  readonly #file: string;
  readonly #options: OpenOptions;
  #handle: FileHandle;
  #records: JournalRecord[];
  #sizeBytes: number;
  #limitBytes: number;
  #failure: JournalError | null = null;
  #last: Promise<unknown> = Promise.resolve();

  constructor(file: string, handle: FileHandle, records: JournalRecord[], sizeBytes: number, options: OpenOptions) {
    this.#file = file;
    this.#options = options;
    this.#handle = handle;
    this.#records = records;
    this.#sizeBytes = sizeBytes;
    this.#limitBytes = options.limitBytes ?? LIMIT_BYTES;
  }

  /**
   * What was read may be in memory alone when the last writer was cut off or its sync failed: the page can be marked
   * clean then, so that another sync says nothing. `isAnew`: a new file has pages of its own.
   */
  async makeSure(isAnew: boolean): Promise<void> {
    await attempt(this.#file, "written", async () => {
      if (this.#sizeBytes > this.#limitBytes) await this.#compact();
      else if (isAnew) await this.#rewrite(this.#records);
      else await this.#handle.sync();
    });
  }

  records(): readonly JournalRecord[] {
    return [...this.#records];
  }

  append(record: JournalRecord): Promise<void> {
    const written = this.#last.then(() => this.#write(record));
    this.#last = written.catch(() => undefined); // the caller of that append was told; the next one is refused
    return written;
  }

  async close(): Promise<void> {
    await this.#last;
    await this.#handle.close();
  }

  async #write(record: JournalRecord): Promise<void> {
    if (this.#failure) throw this.#failure;
    const line = encodeLine(record);
    try {
      const { starts, now } = this.#options;
      if (record.type === "intent" && starts !== null) noteStart(starts, record, now());
      await attempt(this.#file, "written any more", async () => {
        if (this.#sizeBytes + line.length > this.#limitBytes) await this.#compact();
        await this.#handle.appendFile(line);
        await this.#handle.datasync();
      });
    } catch (error) {
      if (error instanceof JournalError) this.#failure = error;
      throw error;
    }
    this.#sizeBytes += line.length;
    this.#records.push(record);
  }

  async #compact(): Promise<void> {
    await this.#rewrite(recordsToKeep(this.#records, this.#options.now()));
    // Where most of it still counts, the next time is when it has doubled: a rewrite per record would be no bound.
    this.#limitBytes = Math.max(this.#options.limitBytes ?? LIMIT_BYTES, 2 * this.#sizeBytes);
  }

  /** The old file stays in force until the new one is complete on the disk. */
  async #rewrite(records: readonly JournalRecord[]): Promise<void> {
    const next = `${this.#file}.new`;
    const bytes = Buffer.concat(records.map(encodeLine));
    const { O_RDWR, O_APPEND, O_CREAT, O_TRUNC, O_NOFOLLOW, O_NONBLOCK } = constants;
    const handle = await open(next, O_RDWR | O_APPEND | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NONBLOCK, 0o600);
    try {
      await handle.writeFile(bytes);
      await handle.sync();
      await rename(next, this.#file);
      await syncDirectory(dirname(this.#file));
    } catch (error) {
      await handle.close();
      throw error;
    }
    const old = this.#handle;
    this.#handle = handle;
    this.#records = [...records];
    this.#sizeBytes = bytes.length;
    await old.close();
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

async function attempt<T>(file: string, done: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof JournalError) throw error;
    throw new JournalError("failed", `${file} cannot be ${done}: ${fileReason(error)}`, { cause: error });
  }
}

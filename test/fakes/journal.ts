import { JournalError } from "@afterpatch/agent/journal/error";
import type { Journal, JournalRecord } from "@afterpatch/agent/ports";

export interface MemoryJournal extends Journal {
  /** The journal as a restart after a crash right now would find it. The old one takes nothing any more. */
  crash(): MemoryJournal;
}

export interface MemoryJournalOptions {
  readonly records?: readonly JournalRecord[];
  /** The n-th append (from 1) fails, `before` its record was durable or `after`: the writer learns the same in both cases. */
  readonly failAt?: { readonly append: number; readonly when: "before" | "after" };
}

/** A journal whose disk is an array: a record is durable in the moment in which its append resolves. */
export function memoryJournal(options: MemoryJournalOptions = {}): MemoryJournal {
  const durable = (options.records ?? []).map(throughJson);
  let appends = 0;
  let failed = false;
  return {
    records: () => [...durable],
    async append(record) {
      if (failed) throw new JournalError("failed", "journal can no longer be written");
      appends += 1;
      const fails = options.failAt?.append === appends;
      if (!fails || options.failAt?.when === "after") durable.push(throughJson(record));
      if (!fails) return;
      failed = true;
      throw new JournalError("failed", `journal can no longer be written: append ${appends} was told to fail`);
    },
    crash() {
      failed = true;
      return memoryJournal({ records: durable });
    },
  };
}

/** A disk gives back what JSON can say, not the object that was written. */
function throughJson(record: JournalRecord): JournalRecord {
  return JSON.parse(JSON.stringify(record)) as JournalRecord; // a record is JSON by its type
}

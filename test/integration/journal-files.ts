import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type FileJournal, openJournal } from "@afterpatch/agent/journal/file";
import type { JournalRecord } from "@afterpatch/agent/ports";
import { afterAll } from "vitest";

// Journals on a real disk, and the records that tests put into them.

export const DAY_MS = 86_400_000;
/** When every journal is opened. */
export const NOW = 100 * DAY_MS;

export interface JournalFiles {
  /** A path at which there is no file yet. */
  newFile(): string;
  /** Closed when the tests end. */
  open(file: string, limitBytes?: number): Promise<FileJournal>;
  /** Appends to the journal in a file. */
  write(file: string, records: readonly JournalRecord[]): Promise<void>;
}

/** A directory of journals, for as long as the tests of a file run. */
export function journalFiles(): JournalFiles {
  const directory = mkdtempSync(join(tmpdir(), "afterpatch-journal-"));
  afterAll(() => rmSync(directory, { recursive: true }));
  let files = 0;
  const opened: FileJournal[] = [];
  afterAll(() => Promise.all(opened.map((journal) => journal.close())));
  const open = async (file: string, limitBytes = 4 * 1024 * 1024) => {
    const journal = await openJournal(file, { now: () => NOW, limitBytes, starts: null });
    opened.push(journal);
    return journal;
  };
  return {
    newFile: () => join(directory, `${++files}.jsonl`),
    open,
    write: async (file, records) => {
      const journal = await open(file);
      for (const record of records) await journal.append(record);
    },
  };
}

export function epoch(number: number): JournalRecord {
  return { type: "epoch", epoch: number };
}

/** What one order leaves in a journal, as far as it went. */
export function order(
  op: string,
  kind: "permit" | "local",
  { at, ended, acknowledged }: { at: number; ended: boolean; acknowledged: boolean },
): readonly JournalRecord[] {
  const step = { kind: "restart-service", target: "ssh.service" };
  const from = kind === "local" ? ({ kind } as const) : ({ kind, rolloutId: "r1", epoch: 1 } as const);
  const times = { deadlineMs: 1, graceMs: 1, settleMs: 1, allowNew: false };
  const begun: readonly JournalRecord[] = [
    { type: "begun", op, order: { from, steps: [step], ...times }, bootId: "b", at, sinceBootMs: 1 },
    { type: "intent", op, step, before: {}, attempt: 1, at },
  ];
  if (!ended) return begun;
  const ending = { result: "verified", code: "", message: "", residue: [] } as const;
  return [
    ...begun,
    { type: "outcome", op, result: { ...step, outcome: "done", evidence: "", startedAt: at, elapsedMs: 1 } },
    { type: "ended", op, ending, at },
    ...(acknowledged ? [{ type: "acknowledged", op } as const] : []),
  ];
}

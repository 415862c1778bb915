import type { Journal, JournalRecord } from "@afterpatch/agent/ports";
import { expect, test } from "vitest";

export interface JournalUnderTest {
  readonly journal: Journal;
  /** The journal as the next start of the program finds it. */
  reopen(): Promise<Journal>;
}

const BEGUN: JournalRecord = {
  type: "begun",
  op: "permit-1",
  order: {
    from: { kind: "permit", rolloutId: "r1", epoch: 3 },
    steps: [{ kind: "restart-service", target: "ssh.service" }],
    deadlineMs: 60_000,
    graceMs: 10_000,
    settleMs: 10_000,
    allowNew: false,
  },
  bootId: "b1",
  at: 1_700_000_000_000,
  sinceBootMs: 5000,
};
const ODD: JournalRecord = {
  type: "intent",
  op: "permit-1",
  step: { kind: "end-session", target: "imap\nline two\u2028\u0000\u{1F600}" },
  before: { sessions: [{ pid: 7, startTicks: 99 }], none: null },
  attempt: 1,
  at: 1,
};

/** What every journal promises; run against the file and against the fake. `failing` gives one that fails sooner or later. */
export function journalContract(open: () => Promise<JournalUnderTest>, failing: () => Promise<Journal>): void {
  test("a new journal is empty", async () => {
    const { journal, reopen } = await open();
    expect(journal.records()).toEqual([]);
    expect((await reopen()).records()).toEqual([]);
  });

  test("what was appended is found in its order, word for word, after a restart", async () => {
    const { journal, reopen } = await open();
    for (const record of [{ type: "epoch", epoch: 3 }, BEGUN, ODD] satisfies JournalRecord[])
      await journal.append(record);
    expect(journal.records()).toEqual([{ type: "epoch", epoch: 3 }, BEGUN, ODD]);
    expect((await reopen()).records()).toEqual([{ type: "epoch", epoch: 3 }, BEGUN, ODD]);
  });

  test("a restarted journal goes on where the last one stopped", async () => {
    const { journal, reopen } = await open();
    await journal.append(BEGUN);
    const next = await reopen();
    await next.append({ type: "acknowledged", op: "permit-1" });
    expect(next.records()).toEqual([BEGUN, { type: "acknowledged", op: "permit-1" }]);
  });

  test("appends that were started together keep their order", async () => {
    const { journal, reopen } = await open();
    const epochs = Array.from({ length: 50 }, (_, epoch): JournalRecord => ({ type: "epoch", epoch }));
    await Promise.all(epochs.map((record) => journal.append(record)));
    expect((await reopen()).records()).toEqual(epochs);
  });

  test("a list of records that was handed out does not change", async () => {
    const { journal } = await open();
    const before = journal.records();
    await journal.append(BEGUN);
    expect(before).toEqual([]);
  });

  test("after one failed append everything is refused, and what came before is still told", async () => {
    const journal = await failing();
    const told: JournalRecord[] = [];
    const append = async () => {
      await journal.append(BEGUN);
      told.push(BEGUN);
    };
    await expect(appendUntilRefused(append)).rejects.toMatchObject({ name: "JournalError", code: "failed" });
    await expect(journal.append({ type: "epoch", epoch: 1 })).rejects.toMatchObject({ code: "failed" });
    expect(journal.records().slice(0, told.length)).toEqual(told);
  });
}

async function appendUntilRefused(append: () => Promise<void>): Promise<void> {
  for (let i = 0; i < 10_000; i++) await append();
}

import { mkdtempSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import type { JournalRecord } from "@afterpatch/agent/ports";
import { describe, expect, test } from "vitest";
import { DAY_MS, epoch, journalFiles, NOW, order } from "./journal-files.ts";

// What a journal that grew too large keeps, and how large it gets.

const { newFile, open, write } = journalFiles();

describe("the journal on disk", () => {
  test("one that grew too large keeps what still counts", async () => {
    const file = newFile();
    const old = 60 * DAY_MS;
    const recent = 95 * DAY_MS;
    await write(file, [
      epoch(4),
      epoch(9),
      ...order("ended-long-ago", "permit", { at: old, ended: true, acknowledged: true }),
      ...order("ended-lately", "permit", { at: recent, ended: true, acknowledged: true }),
      ...order("not-acknowledged", "permit", { at: old, ended: true, acknowledged: false }),
      ...order("unfinished", "permit", { at: old, ended: false, acknowledged: false }),
      ...order("local-ended", "local", { at: recent, ended: true, acknowledged: true }),
      ...order("local-untold", "local", { at: old, ended: true, acknowledged: false }),
      ...order("local-unfinished", "local", { at: old, ended: false, acknowledged: false }),
    ]);
    const size = statSync(file).size;
    const kept = (await open(file, 100)).records();
    expect(kept.map((record) => (record.type === "epoch" ? record.epoch : `${record.type} ${nameOf(record)}`))).toEqual(
      [
        9,
        "begun ended-lately",
        "ended ended-lately",
        "acknowledged ended-lately",
        "begun not-acknowledged",
        "intent not-acknowledged",
        "outcome not-acknowledged",
        "ended not-acknowledged",
        "begun unfinished",
        "intent unfinished",
        "begun local-untold",
        "intent local-untold",
        "outcome local-untold",
        "ended local-untold",
        "begun local-unfinished",
        "intent local-unfinished",
      ],
    );
    expect(statSync(file).size).toBeLessThan(size);
    expect((await open(file)).records()).toEqual(kept);
  });

  test("what caps count is kept for as long as they do", async () => {
    const file = newFile();
    const now = NOW;
    const intent = (op: string, kind: string, ago: number): JournalRecord => {
      return { type: "intent", op, step: { kind, target: "t" }, before: {}, attempt: 1, at: now - ago };
    };
    const [begun, , ...rest] = order("op", "local", { at: now - 2 * DAY_MS, ended: true, acknowledged: true });
    if (!begun) throw new Error("an order has a beginning");
    const counted = [
      intent("op", "restart-service", 3_000_000),
      intent("op", "reboot", DAY_MS - 1),
      intent("op", "reboot", -5),
    ];
    const past = [
      intent("op", "restart-service", 3_600_000),
      intent("op", "reboot", DAY_MS),
      intent("op", "end-session", 1),
    ];
    await write(file, [begun, ...counted, ...past, ...rest]);
    const kept = await open(file, 100);
    expect(kept.records()).toEqual(counted);
    await kept.append(epoch(1)); // nor does it grow by orders that have no beginning any more
    expect((await open(file)).records()).toEqual([...counted, epoch(1)]);
  });

  test("after 100,000 orders it is as small as after a few thousand, and so is what it holds in memory", async () => {
    // On a tmpfs, where a sync costs nothing.
    const fast = mkdtempSync("/dev/shm/afterpatch-journal-");
    try {
      const file = join(fast, "journal.jsonl");
      const journal = await open(file);
      let largestBytes = 0;
      let most = 0;
      for (let number = 0; number < 100_000; number++) {
        const kind = number % 10 === 0 ? "local" : "permit";
        const facts = { at: 99 * DAY_MS, ended: true, acknowledged: true };
        const [begun, ...rest] = order(`op-${number}`, kind, facts);
        const records = number % 5 === 0 ? [begun, ...rest] : [begun, ...rest.slice(-2)];
        for (const record of records) if (record) await journal.append(record);
        if (number % 500 > 0) continue;
        largestBytes = Math.max(largestBytes, statSync(file).size);
        most = Math.max(most, journal.records().length);
      }
      expect(largestBytes).toBeLessThan(5 * 1024 * 1024);
      expect(most).toBeLessThan(40_000);
      // The newest permits are still known, so that none is carried out again.
      const known = new Set((await open(file)).records().map(nameOf));
      for (let number = 95_001; number < 100_000; number++)
        if (number % 10 > 0) expect(known).toContain(`op-${number}`);
    } finally {
      rmSync(fast, { recursive: true });
    }
  }, 300_000);
});

function nameOf(record: JournalRecord): string {
  return record.type === "epoch" ? "" : record.op;
}

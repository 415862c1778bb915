import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type FileJournal, openJournal } from "@afterpatch/agent/journal/file";
import { encodeLine } from "@afterpatch/agent/journal/lines";
import type { JournalRecord } from "@afterpatch/agent/ports";
import { afterAll, describe, expect, test } from "vitest";
import { memoryJournal } from "../fakes/journal.ts";
import { journalContract } from "../fakes/journal-contract.ts";

const directory = mkdtempSync(join(tmpdir(), "afterpatch-journal-"));
afterAll(() => rmSync(directory, { recursive: true }));
let files = 0;
const newFile = () => join(directory, `${++files}.jsonl`);
const opened: FileJournal[] = [];
afterAll(() => Promise.all(opened.map((journal) => journal.close())));
async function open(file: string, limitBytes = 4 * 1024 * 1024): Promise<FileJournal> {
  const journal = await openJournal(file, { now: () => 100 * DAY_MS, limitBytes });
  opened.push(journal);
  return journal;
}
const DAY_MS = 86_400_000;

describe("the journal in memory", () => {
  journalContract(
    async () => {
      const journal = memoryJournal();
      return { journal, reopen: async () => journal.crash() };
    },
    async () => memoryJournal({ failAt: { append: 3, when: "before" } }),
  );

  test.each(["before", "after"] as const)("a record that failed %s it was durable", async (when) => {
    const journal = memoryJournal({ failAt: { append: 2, when } });
    await journal.append({ type: "epoch", epoch: 1 });
    await expect(journal.append({ type: "epoch", epoch: 2 })).rejects.toMatchObject({ code: "failed" });
    expect(journal.crash().records()).toHaveLength(when === "after" ? 2 : 1);
  });
});

describe("the journal on disk", () => {
  journalContract(async () => {
    const file = newFile();
    return { journal: await open(file), reopen: () => open(file) };
  }, closed);

  test("it is readable by its owner only", async () => {
    const file = newFile();
    await open(file);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  test.each([
    ["a byte", 1],
    ["half a line", 20],
  ])("a last line that lacks %s is cut off, and the file is whole again", async (_name, lacking) => {
    const file = newFile();
    await write(file, [epoch(1), epoch(2)]);
    truncateSync(file, statSync(file).size - lacking);
    const journal = await open(file);
    expect(journal.records()).toEqual([epoch(1)]);
    await journal.append(epoch(3));
    expect((await open(file)).records()).toEqual([epoch(1), epoch(3)]);
  });

  test("a last line of zeros, as a power cut leaves it, is cut off", async () => {
    const file = newFile();
    const last = encodeLine(epoch(2));
    writeFileSync(file, Buffer.concat([encodeLine(epoch(1)), last.fill(0, 5, last.length - 1)]));
    expect((await open(file)).records()).toEqual([epoch(1)]);
  });

  test.each([
    ["a changed digit in the middle", (text: string) => text.replace('"epoch":2', '"epoch":7'), 2],
    ["a changed digit in the last line", (text: string) => text.replace('"epoch":3', '"epoch":7'), 3],
    ["an empty line", (text: string) => text.replace("\n", "\n\n"), 2],
    ["a line of another program", (text: string) => `hello\n${text}`, 1],
  ])("%s is corruption, named by file and line, and the file stays as it is", async (_name, damage, line) => {
    const file = newFile();
    await write(file, [epoch(1), epoch(2), epoch(3)]);
    const damaged = damage(readFileSync(file, "utf8"));
    writeFileSync(file, damaged);
    await expect(open(file)).rejects.toMatchObject({ code: "corrupt", message: `${file} is corrupt in line ${line}` });
    expect(readFileSync(file, "utf8")).toBe(damaged);
  });

  test("one of an order that was cut off is written anew: what was read may have been in memory alone", async () => {
    const file = newFile();
    await write(file, [epoch(1)]);
    const before = statSync(file).ino;
    await open(file);
    expect(statSync(file).ino).toBe(before);
    await write(file, order("unfinished", "permit", { at: 1, ended: false, acknowledged: false }));
    await open(file);
    expect(statSync(file).ino).not.toBe(before);
    expect((await open(file)).records()).toHaveLength(3);
  });

  test.each([
    ["a directory", (file: string) => mkdirSync(file), "it is a directory"],
    ["a link", (file: string) => symlinkSync("/dev/null", file), "too many symbolic links"],
    ["a FIFO", (file: string) => execFileSync("mkfifo", [file]), "it is no regular file"],
    ["a file's child", (file: string) => writeFileSync(file, ""), "a part of the path is not a directory"],
  ])("%s in its place is an error, and nobody waits for it", async (name, make, why) => {
    const file = newFile();
    make(file);
    const journal = name === "a file's child" ? join(file, "journal.jsonl") : file;
    await expect(open(journal)).rejects.toMatchObject({
      code: "failed",
      message: `${journal} cannot be opened: ${why}`,
    });
  });

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
    const now = 100 * DAY_MS;
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

  test("a full disk is fatal for the journal, and what was acknowledged before is there", async () => {
    const file = newFile();
    const child = writer(file, "4194304", ["prlimit", "--fsize=4096"]);
    const [said] = await Promise.all([lines(child), once(child, "close")]);
    expect(child.exitCode).toBe(1);
    const records = (await open(file)).records();
    expect(said.length).toBeGreaterThan(10);
    expect(records).toHaveLength(said.length);
  });

  test("killed at random moments, also while it is rewritten, it never loses what it acknowledged", async () => {
    const file = newFile();
    let acknowledged = 0;
    for (let round = 0; round < 25; round++) {
      const child = writer(file, round % 5 === 4 ? "2000" : "4194304", []);
      const said = lines(child);
      await once(child.stdout, "readable");
      await sleep((round * 7) % 40);
      child.kill("SIGKILL");
      await once(child, "close");
      acknowledged = (await said).at(-1) ?? acknowledged;
      const epochs = (await open(file)).records().flatMap((record) => (record.type === "epoch" ? [record.epoch] : []));
      expect(epochs.at(-1)).toBeGreaterThanOrEqual(acknowledged);
      expect(epochs).toEqual(epochs.map((_, at) => (epochs[0] ?? 0) + at));
    }
    expect(acknowledged).toBeGreaterThan(100);
  });
});

/** Its file descriptor is gone: the first write fails, as on a full or broken disk. */
async function closed(): Promise<FileJournal> {
  const journal = await openJournal(newFile(), { now: () => 0 });
  await journal.close();
  return journal;
}

function epoch(number: number): JournalRecord {
  return { type: "epoch", epoch: number };
}

async function write(file: string, records: readonly JournalRecord[]): Promise<void> {
  const journal = await open(file);
  for (const record of records) await journal.append(record);
}

function order(
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

function nameOf(record: JournalRecord): string {
  return record.type === "epoch" ? "" : record.op;
}

function writer(file: string, limit: string, through: readonly string[]) {
  const script = join(import.meta.dirname, "journal-writer.ts");
  const [program = process.execPath, ...args] = [...through, process.execPath, script, file, limit];
  return spawn(program, args, { stdio: ["ignore", "pipe", "ignore"] });
}

async function lines(child: ReturnType<typeof writer>): Promise<readonly number[]> {
  let text = "";
  for await (const chunk of child.stdout) text += chunk;
  return text.split("\n").slice(0, -1).map(Number);
}

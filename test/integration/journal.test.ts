import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, statSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type FileJournal, openJournal } from "@afterpatch/agent/journal/file";
import { encodeLine } from "@afterpatch/agent/journal/lines";
import { describe, expect, test } from "vitest";
import { memoryJournal } from "../fakes/journal.ts";
import { journalContract } from "../fakes/journal-contract.ts";
import { epoch, journalFiles, order } from "./journal-files.ts";

const { newFile, open, write } = journalFiles();

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
  const journal = await openJournal(newFile(), { now: () => 0, starts: null });
  await journal.close();
  return journal;
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

import { execFileSync } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { carryOut } from "@afterpatch/agent/apply/carry-out";
import { JournalError } from "@afterpatch/agent/journal/error";
import { openJournal } from "@afterpatch/agent/journal/file";
import { noteStart, startsIn } from "@afterpatch/agent/journal/starts";
import { begunBefore, LOCAL_JOURNAL } from "@afterpatch/agent/vetoes/counts";
import type { StepRef } from "@afterpatch/core/rollout/types";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { CRON, hostWith, IMAP, order, said, SSH } from "./ruled-host.ts";

// What was begun on a host is counted for the host, not for a state directory: a register beside all of them.

const REBOOT: StepRef = { kind: "reboot", target: "host" };
const NOW = Date.parse("2026-11-28T12:00:00Z");
const [MINUTE, HOUR] = [60_000, 3_600_000];

const root = mkdtempSync(join(tmpdir(), "afterpatch-starts-"));
let folder: string;
let starts: string;
let count = 0;
beforeEach(() => {
  folder = join(root, String(count++));
  starts = join(folder, "starts.jsonl");
  mkdirSync(folder);
});
afterAll(() => rmSync(root, { recursive: true }));

const intent = (op: string, step: StepRef, at: number) =>
  ({ type: "intent", op, step, before: { pid: 7 }, attempt: 1, at }) as const;

/** What an apply with a state directory of its own begins, and that directory is gone afterwards. */
async function elsewhere(op: string, step: StepRef, at: number): Promise<void> {
  const other = mkdtempSync(join(folder, "other-"));
  const journal = await openJournal(join(other, LOCAL_JOURNAL), { now: () => at, starts });
  await journal.append(intent(op, step, at));
  await journal.close();
  rmSync(other, { recursive: true });
}

const counted = (now = NOW) => Object.values(begunBefore(starts, [], now, null));

test("restarts of another state directory count, and it does not matter that it is gone", async () => {
  const { host, clock, apply } = hostWith(folder, "caps: { restartsPerHour: 2 }");
  await elsewhere("a", CRON, clock.now() - 10 * MINUTE);
  expect(said(await apply(order([SSH])))).toBe("verified  ssh.service done");
  await elsewhere("b", CRON, clock.now());
  const again = hostWith(folder, "caps: { restartsPerHour: 2 }");
  const done = await again.apply(order([SSH]));
  const evidence = "2 restarts in the last hour, and caps.restartsPerHour is 2";
  expect(done.steps).toMatchObject([{ outcome: "vetoed", evidence }]);
  expect([host.effects.length, again.host.effects.length]).toEqual([1, 0]);
});

test("reboots of a day count whatever the state directory, after a boot, and an hour's restarts beside them", async () => {
  await elsewhere("a", REBOOT, NOW - 25 * HOUR);
  await elsewhere("b", REBOOT, NOW - 23 * HOUR);
  await elsewhere("c", SSH, NOW - 61 * MINUTE);
  await elsewhere("d", SSH, NOW - 59 * MINUTE);
  await elsewhere("e", IMAP, NOW);
  await elsewhere("f", REBOOT, NOW);
  expect(counted()).toEqual([1, 2]);
  expect(counted(NOW + 2 * HOUR)).toEqual([0, 1]);
});

test("what lies in the future counts: a clock that a boot set back makes no room", async () => {
  await elsewhere("a", REBOOT, NOW);
  expect(counted(0)).toEqual([0, 1]);
  await elsewhere("b", REBOOT, 5);
  expect(counted(10)).toEqual([0, 2]);
});

test("the same start in the register and in the journal is one, and so is one that is tried again", async () => {
  const file = join(folder, LOCAL_JOURNAL);
  const journal = await openJournal(file, { now: () => NOW, starts });
  await journal.append(intent("a", SSH, NOW));
  await journal.append({ ...intent("a", SSH, NOW + 1), attempt: 2 });
  await journal.append(intent("a", CRON, NOW));
  await journal.close();
  expect(begunBefore(starts, [file], NOW, null)).toEqual({ restartsInHour: 2, rebootsInDay: 0 });
  expect(begunBefore(starts, [file], NOW, { op: "a", step: SSH })).toEqual({ restartsInHour: 1, rebootsInDay: 0 });
  rmSync(starts);
  expect(begunBefore(starts, [file], NOW, null)).toEqual({ restartsInHour: 2, rebootsInDay: 0 });
});

test("the register holds what the largest cap can ask for, and no evidence, however much is begun", () => {
  for (let n = 0; n < 1_100; n++) noteStart(starts, intent(`restart-${n}`, SSH, NOW + n), NOW + n);
  for (let n = 0; n < 30; n++) noteStart(starts, intent(`reboot-${n}`, REBOOT, NOW + n), NOW + n);
  expect(counted(NOW + 2_000)).toEqual([1_000, 24]);
  expect(statSync(starts).size).toBeLessThan(200_000);
  expect(startsIn(starts).map(({ op }) => op)).toEqual(expect.arrayContaining(["restart-1099", "reboot-29"]));
  expect(readFileSync(starts, "utf8")).not.toContain("pid");
  noteStart(starts, intent("later", SSH, NOW + 25 * HOUR), NOW + 25 * HOUR);
  expect(startsIn(starts).map(({ op }) => op)).toEqual(["later"]);
  expect([statSync(starts).mode & 0o777, readdirSync(folder)]).toEqual([0o600, ["starts.jsonl"]]);
});

test("what a writer before left half done is written over", () => {
  writeFileSync(`${starts}.new`, "half");
  noteStart(starts, intent("a", SSH, NOW), NOW);
  expect(counted()).toEqual([1, 0]);
});

describe("a register that says nothing is a reason not to act", () => {
  const line = () => {
    noteStart(starts, intent("a", SSH, NOW), NOW);
    return readFileSync(starts);
  };
  test.each<[string, () => void, RegExp]>([
    ["that is empty", () => writeFileSync(starts, ""), /is corrupt in line 1/],
    ["that was cut off", () => writeFileSync(starts, line().subarray(0, -5)), /is corrupt in line 1/],
    [
      "whose end was cut off",
      () => writeFileSync(starts, Buffer.concat([line(), Buffer.from("00")])),
      /is corrupt in line 2/,
    ],
    ["that is something else", () => writeFileSync(starts, "no register\nat all\n"), /is corrupt in line 1/],
    ["that is a directory", () => mkdirSync(starts), /is no register of starts/],
    ["that is a FIFO", () => execFileSync("mkfifo", [starts]), /is no register of starts/],
    ["that is a link", () => symlinkSync("/etc/passwd", starts), /ELOOP/],
    ["that is too large", () => execFileSync("truncate", ["-s", "1T", starts]), /is no register of starts/],
  ])("%s", async (_name, spoil, why) => {
    spoil();
    const { host, deps } = hostWith(folder, "");
    const journal = await openJournal(join(folder, LOCAL_JOURNAL), { now: () => NOW, starts });
    const done = await carryOut("op-1", order(), { ...deps, journal });
    await journal.close();
    expect(said(done)).toBe("failed step-failed imap done cron.service vetoed ssh.service vetoed");
    expect(done.steps[1]?.evidence).toMatch(/^what was done before cannot be counted: /);
    expect(done.steps[1]?.evidence).toMatch(why);
    expect(host.effects).toEqual(["end-session:imap"]);
  });
});

test("a start that cannot be written is not begun, and ends whoever would act", async () => {
  writeFileSync(join(folder, "file"), "");
  const nowhere = join(folder, "file/starts.jsonl");
  const { host, deps } = hostWith(folder, "");
  const journal = await openJournal(join(folder, LOCAL_JOURNAL), { now: () => NOW, starts: nowhere });
  await expect(carryOut("op-1", order([SSH]), { ...deps, journal })).rejects.toThrow(JournalError);
  await journal.close();
  expect(host.effects).toEqual([]);
});

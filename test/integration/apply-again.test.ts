import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { carryOut, resume } from "@afterpatch/agent/apply/carry-out";
import { openJournal } from "@afterpatch/agent/journal/file";
import type { Machine } from "@afterpatch/agent/ports";
import { LOCAL_JOURNAL } from "@afterpatch/agent/vetoes/counts";
import { afterAll, beforeEach, expect, test } from "vitest";
import { FakeCrash } from "../fakes/machine.ts";
import { CRON, hostWith, order, said, SSH } from "./ruled-host.ts";

// The rules of a host are asked again: of a step that a crash cut off, and of one that had to wait.

const root = mkdtempSync(join(tmpdir(), "afterpatch-apply-again-"));
let folder: string;
let count = 0;
beforeEach(() => {
  folder = join(root, String(count++));
  mkdirSync(folder);
});
afterAll(() => rmSync(root, { recursive: true }));

test.each([
  ["restartsPerRun", "verified  cron.service done"],
  ["restartsPerHour", "failed step-failed cron.service vetoed"],
])("a restart that a crash cut off is one restart of %s, however often it was tried", async (cap, next) => {
  const { host, clock, deps } = hostWith(folder, `caps: { ${cap}: 1 }`);
  const open = () => openJournal(join(folder, LOCAL_JOURNAL), { now: clock.now, starts: null });
  const before = await open();
  const dying = { ...deps, journal: before, machine: host.machine({ effect: 1, when: "before" }) };
  await expect(carryOut("op-1", order([SSH]), dying)).rejects.toThrow(FakeCrash);
  await before.close();
  const journal = await open();
  expect(said(await resume("op-1", { ...deps, journal }))).toBe("verified  ssh.service done");
  const done = await carryOut("op-2", order([CRON]), { ...deps, journal });
  await journal.close();
  expect(said(done)).toBe(next);
  const evidence = "1 restart in the last hour, and caps.restartsPerHour is 1";
  if (cap === "restartsPerHour") expect(done.steps[0]?.evidence).toBe(evidence);
});

test("a step that had to wait before it began is held off by what has come up meanwhile", async () => {
  const { host, deps } = hostWith(folder, "caps: { restartsPerRun: 1, restartsPerHour: 1 }");
  const waits: Machine["perform"] = async (step, before, options) => {
    expect(await options.obstacle?.()).toBeNull();
    writeFileSync(join(folder, "deny"), "moving racks");
    const why = await options.obstacle?.();
    return why ? { outcome: "vetoed", detail: why } : deps.machine.perform(step, before, options);
  };
  const done = await carryOut("op-1", order([SSH]), { ...deps, machine: { ...deps.machine, perform: waits } });
  expect(said(done)).toBe("failed step-failed ssh.service vetoed");
  expect(done.steps[0]?.evidence).toBe(`${folder}/deny exists: moving racks`);
  expect(host.effects).toEqual([]);
});

import type { StepRef } from "@afterpatch/core/rollout/types";
import { expect, test } from "vitest";
import { fakeClock } from "../../../../test/fakes/clock.ts";
import { type MemoryJournal, memoryJournal } from "../../../../test/fakes/journal.ts";
import { FakeCrash, type FakeHost, fakeHost } from "../../../../test/fakes/machine.ts";
import { JournalError } from "../journal/error.ts";
import { unfinished } from "../journal/operations.ts";
import type { Clock, Order } from "../ports.ts";
import { NO_RULES } from "../vetoes/rules.ts";
import { type CarriedOut, carryOut, resume } from "./carry-out.ts";

const STEPS: readonly StepRef[] = [
  { kind: "end-session", target: "imap" },
  { kind: "restart-service", target: "cron.service" },
  { kind: "restart-service", target: "ssh.service" },
  { kind: "reexec", target: "init" },
];
const EFFECTS = STEPS.map((step) => `${step.kind}:${step.target}`);
const ORDER: Order = {
  from: { kind: "local" },
  steps: STEPS,
  deadlineMs: 600_000,
  graceMs: 10_000,
  settleMs: 10_000,
  allowNew: false,
};
/** begun, an intent and an outcome for each step, ended. */
const APPENDS = 2 + 2 * STEPS.length;

type Crash =
  | { readonly at: "append"; readonly n: number; readonly when: "before" | "after" }
  | { readonly at: "effect"; readonly n: number; readonly when: "before" | "after" };

const WHEN = ["before", "after"] as const;
const CRASHES: readonly Crash[] = WHEN.flatMap((when) => [
  ...Array.from({ length: APPENDS }, (_, i): Crash => ({ at: "append", n: i + 1, when })),
  ...STEPS.map((_, i): Crash => ({ at: "effect", n: i + 1, when })),
]);

function oldHost(clock: Clock): FakeHost {
  const units = [
    { name: "ssh.service", isOld: true },
    { name: "cron.service", isOld: true },
  ];
  return fakeHost({ units, services: [{ name: "imap", old: 2, fresh: 1 }], isInitOld: true }, clock);
}

/** One life of the agent: goes on with what the journal holds, or begins. Null when it died. */
async function live(host: FakeHost, clock: Clock, journal: MemoryJournal, crash?: Crash): Promise<CarriedOut | null> {
  const failAt = crash?.at === "append" ? { append: crash.n, when: crash.when } : undefined;
  const disk = failAt ? memoryJournal({ records: journal.records(), failAt }) : journal;
  const machine = host.machine(crash?.at === "effect" ? { effect: crash.n, when: crash.when } : undefined);
  const deps = {
    machine,
    rules: NO_RULES,
    journal: disk,
    clock,
    report: () => {},
    signal: new AbortController().signal,
  };
  try {
    const [op] = unfinished(disk.records());
    return op === undefined ? await carryOut(`op-${disk.records().length}`, ORDER, deps) : await resume(op, deps);
  } catch (error) {
    if (!(error instanceof FakeCrash || error instanceof JournalError)) throw error;
    return null;
  } finally {
    if (disk !== journal)
      for (const record of disk.records().slice(journal.records().length)) await journal.append(record);
  }
}

test.each(CRASHES.map((crash) => [`${crash.when} ${crash.at} ${crash.n}`, crash] as const))(
  "a crash %s: everything is done, and nothing twice",
  async (_name, crash) => {
    const clock = fakeClock();
    const host = oldHost(clock);
    const journal = memoryJournal();
    expect(await live(host, clock, journal, crash)).toBeNull();
    // The ending itself was durable: nothing is left to go on with.
    const isEnded = crash.at === "append" && crash.n === APPENDS && crash.when === "after";
    if (!isEnded) {
      const done = await live(host, clock, journal);
      expect(done?.ending).toEqual({ result: "verified", code: "", message: "", residue: [] });
    }
    expect(host.effects).toEqual(EFFECTS);
    expect(host.sessions("imap")).toEqual({ old: 0, fresh: 1 });
    expect(unfinished(journal.records())).toEqual([]);
    expect(journal.records().filter((record) => record.type === "ended")).toHaveLength(1);
  },
);

test("two crashes in a row, at every pair of points: nothing twice, and success is only claimed when all is done", async () => {
  for (const first of CRASHES) {
    for (const second of CRASHES) {
      const clock = fakeClock();
      const host = oldHost(clock);
      const journal = memoryJournal();
      let done = await live(host, clock, journal, first);
      done ??= await live(host, clock, journal, second);
      done ??= await live(host, clock, journal);
      const name = JSON.stringify([first, second]);
      expect(new Set(host.effects).size, name).toBe(host.effects.length);
      if (done?.ending.result === "verified") expect([...host.effects].sort(), name).toEqual([...EFFECTS].sort());
      else expect(done?.ending, name).toMatchObject({ result: "failed", code: "step-failed" });
      expect(unfinished(journal.records()), name).toEqual([]);
    }
  }
});

test("a step that a crash cut off twice without effect is not tried a third time", async () => {
  const clock = fakeClock();
  const host = oldHost(clock);
  const journal = memoryJournal();
  const crash = { at: "effect", n: 1, when: "before" } as const;
  await live(host, clock, journal, crash);
  await live(host, clock, journal, crash);
  const done = await live(host, clock, journal);
  expect(host.effects).toEqual(EFFECTS.slice(1));
  expect(done?.steps.find((step) => step.target === "imap")?.outcome).toBe("failed");
  const attempts = journal
    .records()
    .flatMap((record) => (record.type === "intent" && record.step.target === "imap" ? record.attempt : []));
  expect(attempts).toEqual([1, 2]);
});

test("an effect that did not happen is not repeated when it has been forbidden since", async () => {
  const clock = fakeClock();
  const host = oldHost(clock);
  const journal = memoryJournal();
  await live(host, clock, journal, { at: "effect", n: 2, when: "before" });
  const machine = host.machine();
  const scan: typeof machine.scan = async (signal) => {
    const seen = await machine.scan(signal);
    const findings = seen.findings.map((finding) =>
      finding.remedy.target === "cron.service"
        ? { ...finding, remedy: { ...finding.remedy, automatic: false, reason: "Never: the file says so." } }
        : finding,
    );
    return { ...seen, findings };
  };
  const [op = ""] = unfinished(journal.records());
  const signal = new AbortController().signal;
  const protecting = { ...machine, scan };
  const deps = { machine: protecting, rules: NO_RULES, journal, clock, report: () => {}, signal };
  const done = await resume(op, deps);
  expect(host.effects).toEqual(EFFECTS.filter((effect) => effect !== "restart-service:cron.service"));
  expect(done.steps.find((step) => step.target === "cron.service")).toMatchObject({
    outcome: "failed",
    evidence: "had no effect before a crash, and was not repeated: Never: the file says so.",
  });
});

test("an effect that did not happen is not repeated after the deadline", async () => {
  const clock = fakeClock();
  const host = oldHost(clock);
  const journal = memoryJournal();
  await live(host, clock, journal, { at: "effect", n: 2, when: "before" });
  clock.pass(ORDER.deadlineMs);
  const done = await live(host, clock, journal);
  expect(host.effects).toEqual(EFFECTS.slice(0, 1));
  expect(done?.ending).toMatchObject({ result: "failed", code: "deadline" });
});

test.each([
  ["an effect that happened", "after"],
  ["an effect that did not happen", "before"],
] as const)("after a boot the scan judges %s, and nothing more is begun", async (_name, when) => {
  const clock = fakeClock();
  const host = oldHost(clock);
  const journal = memoryJournal();
  await live(host, clock, journal, { at: "effect", n: 2, when });
  const effects = [...host.effects];
  host.reboot();
  const done = await live(host, clock, journal);
  expect(host.effects).toEqual(effects);
  expect(done?.ending.result).toBe("verified");
  expect(done?.steps.map((step) => step.outcome)).toEqual(["done", "done", "skipped", "skipped"]);
});

test("after a boot that left a target old, the rest is not begun", async () => {
  const clock = fakeClock();
  const host = oldHost(clock);
  const journal = memoryJournal();
  await live(host, clock, journal, { at: "effect", n: 2, when: "before" });
  host.reboot();
  host.upgrade("cron.service", "ssh.service");
  const done = await live(host, clock, journal);
  expect(host.effects).toEqual(EFFECTS.slice(0, 1));
  expect(done?.ending).toMatchObject({ result: "failed", code: "wrong-boot" });
  expect(done?.steps.find((step) => step.target === "cron.service")?.outcome).toBe("failed");
});

import type { StepRef } from "@afterpatch/core/rollout/types";
import { expect, test } from "vitest";
import { fakeClock } from "../../../../test/fakes/clock.ts";
import { memoryJournal } from "../../../../test/fakes/journal.ts";
import { fakeHost } from "../../../../test/fakes/machine.ts";
import { type Crash, live, rebootOrder } from "../../../../test/fakes/reboot-order.ts";
import { unfinished } from "../journal/operations.ts";

const REBOOT = "reboot:host";
const IMAP = "end-session:imap";
const STEPS: readonly StepRef[] = [
  { kind: "end-session", target: "imap" },
  { kind: "reboot", target: "host" },
];
/** begun, announced, intent and outcome of the sessions, intent; in the next life: booted, outcome, ended. */
const APPENDS = 5;
const EFFECTS = 2;

const WHEN = ["before", "after"] as const;
const CRASHES: readonly Crash[] = [
  ...WHEN.flatMap((when) => [
    ...Array.from({ length: APPENDS }, (_, i): Crash => ({ at: "append", n: i + 1, when })),
    ...Array.from({ length: EFFECTS }, (_, i): Crash => ({ at: "effect", n: i + 1, when })),
  ]),
  // Where the sessions were ended in the life before, the reboot is the first effect of this one.
  { at: "effect", n: 1, when: "under-way" },
  { at: "effect", n: 2, when: "under-way" },
];

function world() {
  const clock = fakeClock();
  const kernel = { running: "6.1.0-1-amd64", expected: "6.1.0-2-amd64" };
  const reboots = { kernel, onBoot: () => clock.boot(30_000) };
  const host = fakeHost({ services: [{ name: "imap", old: 1, fresh: 1 }], reboots }, clock);
  const order = rebootOrder({ sessionsFirst: true, delayMs: 120_000 }, { steps: STEPS });
  return { clock, host, journal: memoryJournal(), order };
}

/** Lives that end as they are told to, then as many as it takes until the order has ended. */
async function survive(crashes: readonly Crash[]) {
  const { host, ...around } = world();
  const ending = () => around.journal.records().flatMap((record) => (record.type === "ended" ? record.ending : []))[0];
  for (const crash of [...crashes, undefined, undefined, undefined]) {
    if (!ending()) await live(host, { ...around, crash });
  }
  return { ending: ending(), host, journal: around.journal };
}

test.each(CRASHES.map((crash) => [`${crash.when} ${crash.at} ${crash.n}`, crash] as const))(
  "a crash %s: the host is rebooted once, and that is proved",
  async (_name, crash) => {
    const { ending, host, journal } = await survive([crash]);
    expect(ending).toMatchObject({ result: "verified", code: "" });
    expect(host.effects).toEqual([IMAP, REBOOT]);
    expect(host.reboots.boot).toBe(2);
    expect(unfinished(journal.records())).toEqual([]);
  },
);

test("crashes at every pair and triple of points: never a second reboot, and success is only claimed after one", async () => {
  for (const first of CRASHES) {
    for (const second of CRASHES) {
      for (const third of CRASHES) {
        const { ending, host, journal } = await survive([first, second, third]);
        const name = JSON.stringify([first, second, third]);
        const count = host.effects.filter((effect) => effect === REBOOT).length;
        expect(count, name).toBeLessThanOrEqual(1);
        expect(host.reboots.boot, name).toBe(1 + count);
        if (ending?.result === "verified") expect(count, name).toBe(1);
        else expect(ending?.result, name).toBe("failed");
        const intents = journal.records().filter((r) => r.type === "intent" && r.step.kind === "reboot");
        expect(intents.length, name).toBeLessThanOrEqual(2);
        expect(journal.records().filter((r) => r.type === "booted").length, name).toBeLessThanOrEqual(1);
        expect(unfinished(journal.records()), name).toEqual([]);
      }
    }
  }
});

test("an intent without effect is repeated once in the same boot, and then given up", async () => {
  const crash: Crash = { at: "effect", n: 1, when: "before" };
  const { clock, host, journal } = world();
  const order = rebootOrder();
  const lives = (given?: Crash) => live(host, { clock, journal, order, crash: given });
  expect(await lives(crash)).toBeNull();
  expect(await lives(crash)).toBeNull();
  const done = await lives();
  expect(done?.ending).toMatchObject({ result: "failed", code: "not-rebooted" });
  expect(host.effects).toEqual([]);
  const attempts = journal.records().flatMap((record) => (record.type === "intent" ? record.attempt : []));
  expect(attempts).toEqual([1, 2]);
});

test("an intent without effect is not repeated when a person has scheduled something since", async () => {
  const { clock, host, journal } = world();
  const around = { clock, journal, order: rebootOrder() };
  expect(await live(host, { ...around, crash: { at: "effect", n: 1, when: "before" } })).toBeNull();
  host.reboots.veto = { code: "scheduled-shutdown", message: "a poweroff is scheduled" };
  const done = await live(host, around);
  expect(done?.ending).toMatchObject({ result: "failed", code: "scheduled-shutdown" });
  expect(host.effects).toEqual([]);
});

test("an intent without effect, and a boot of somebody else's: it is proved like one of ours, never repeated", async () => {
  const { clock, host, journal } = world();
  const around = { clock, journal, order: rebootOrder() };
  expect(await live(host, { ...around, crash: { at: "effect", n: 1, when: "before" } })).toBeNull();
  host.reboot();
  expect((await live(host, around))?.ending).toMatchObject({ result: "verified" });
  expect(host.effects).toEqual([]);
  expect(host.reboots.boot).toBe(2);
});

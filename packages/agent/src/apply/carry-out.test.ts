import type { StepRef } from "@afterpatch/core/rollout/types";
import { expect, test } from "vitest";
import { fakeClock } from "../../../../test/fakes/clock.ts";
import { memoryJournal } from "../../../../test/fakes/journal.ts";
import { type FakeHost, type FakeHostOptions, fakeHost } from "../../../../test/fakes/machine.ts";
import { operations, unfinished } from "../journal/operations.ts";
import type { Order } from "../ports.ts";
import { NO_RULES } from "../vetoes/rules.ts";
import { carryOut } from "./carry-out.ts";
import type { CarryOutDeps } from "./course.ts";

const SSH: StepRef = { kind: "restart-service", target: "ssh.service" };
const CRON: StepRef = { kind: "restart-service", target: "cron.service" };
const IMAP: StepRef = { kind: "end-session", target: "imap" };
const INIT: StepRef = { kind: "reexec", target: "init" };

function order(steps: readonly StepRef[], more: Partial<Order> = {}): Order {
  const timing = { deadlineMs: 600_000, graceMs: 10_000, settleMs: 10_000 };
  return { from: { kind: "local" }, steps, ...timing, allowNew: false, ...more };
}

interface Case {
  readonly host: FakeHostOptions;
  readonly order: Order;
  /** Happens after the plan was made and before it is carried out. */
  readonly meanwhile?: (host: FakeHost) => void;
  readonly ending: { readonly result: string; readonly code: string; readonly residue?: readonly string[] };
  readonly outcomes: readonly string[];
  readonly effects: readonly string[];
}

const old = (name: string) => ({ name, isOld: true });

test.each<[string, Case]>([
  [
    "everything old is replaced and proved, smallest first",
    {
      host: { units: [old("ssh.service")], services: [{ name: "imap", old: 2, fresh: 1 }], isInitOld: true },
      order: order([INIT, SSH, IMAP]),
      ending: { result: "verified", code: "" },
      outcomes: ["imap done", "ssh.service done", "init done"],
      effects: ["end-session:imap", "restart-service:ssh.service", "reexec:init"],
    },
  ],
  [
    "what nothing may touch is named as residue",
    {
      host: { units: [old("ssh.service")], residue: ["tmux"] },
      order: order([SSH]),
      ending: { result: "verified", code: "", residue: ["tmux"] },
      outcomes: ["ssh.service done"],
      effects: ["restart-service:ssh.service"],
    },
  ],
  [
    "a target that vanished is skipped",
    {
      host: { units: [old("ssh.service")] },
      order: order([SSH, IMAP]),
      ending: { result: "verified", code: "" },
      outcomes: ["ssh.service done", "imap skipped"],
      effects: ["restart-service:ssh.service"],
    },
  ],
  [
    "a target that is not in the order makes it stale, and nothing is done",
    {
      host: { units: [old("ssh.service"), { name: "cron.service", isOld: false }] },
      order: order([SSH]),
      meanwhile: (host) => host.upgrade("cron.service"),
      ending: { result: "stale", code: "new-targets" },
      outcomes: [],
      effects: [],
    },
  ],
  [
    "a new target is carried out too when that is allowed",
    {
      host: { units: [old("ssh.service"), old("cron.service")] },
      order: order([SSH], { allowNew: true }),
      ending: { result: "verified", code: "" },
      outcomes: ["cron.service done", "ssh.service done"],
      effects: ["restart-service:cron.service", "restart-service:ssh.service"],
    },
  ],
  [
    "a target that was deliberately left out is not touched and makes nothing stale",
    {
      host: { units: [old("ssh.service"), old("cron.service")] },
      order: order([SSH], { leave: [CRON] }),
      ending: { result: "verified", code: "" },
      outcomes: ["ssh.service done"],
      effects: ["restart-service:ssh.service"],
    },
  ],
  [
    "a failed step does not stop the others",
    {
      host: { units: [{ ...old("cron.service"), restart: "fails-at-once" }, old("ssh.service")] },
      order: order([SSH, CRON]),
      ending: { result: "failed", code: "step-failed" },
      outcomes: ["cron.service failed", "ssh.service done"],
      effects: ["restart-service:cron.service", "restart-service:ssh.service"],
    },
  ],
  [
    "a unit that fails during the settle time fails its step",
    {
      host: { units: [{ ...old("ssh.service"), restart: "fails-later" }] },
      order: order([SSH]),
      ending: { result: "failed", code: "step-failed" },
      outcomes: ["ssh.service failed"],
      effects: ["restart-service:ssh.service"],
    },
  ],
  [
    "a unit that refuses is vetoed",
    {
      host: { units: [{ ...old("ssh.service"), restart: "refused" }] },
      order: order([SSH]),
      ending: { result: "failed", code: "step-failed" },
      outcomes: ["ssh.service vetoed"],
      effects: [],
    },
  ],
  [
    "a target that still runs old code after its restart is no success",
    {
      host: { units: [{ ...old("ssh.service"), restart: "stays-old" }] },
      order: order([SSH]),
      ending: { result: "failed", code: "findings-left" },
      outcomes: ["ssh.service done"],
      effects: ["restart-service:ssh.service"],
    },
  ],
  [
    "a unit that was restarted along with another is not restarted again",
    {
      host: { units: [{ ...old("cron.service"), takesAlong: ["ssh.service"] }, old("ssh.service")] },
      order: order([SSH, CRON]),
      ending: { result: "verified", code: "" },
      outcomes: ["cron.service done", "ssh.service skipped"],
      effects: ["restart-service:cron.service"],
    },
  ],
  [
    "nothing is done while a package manager is at work",
    {
      host: { units: [old("ssh.service")] },
      order: order([SSH]),
      meanwhile: (host) => host.setBusy("dpkg (pid 7) holds /var/lib/dpkg/lock-frontend"),
      ending: { result: "refused", code: "package-lock" },
      outcomes: [],
      effects: [],
    },
  ],
  [
    "nothing is done when the host cannot be scanned",
    {
      host: { units: [old("ssh.service")] },
      order: order([SSH]),
      meanwhile: (host) => host.setScanFailure("/proc is not readable"),
      ending: { result: "refused", code: "scan-failed" },
      outcomes: [],
      effects: [],
    },
  ],
  [
    "an order with no time left does nothing",
    {
      host: { units: [old("ssh.service")] },
      order: order([SSH], { deadlineMs: 0 }),
      ending: { result: "refused", code: "deadline" },
      outcomes: [],
      effects: [],
    },
  ],
  [
    "a kind that is not carried out is refused",
    {
      host: { units: [old("ssh.service")] },
      order: order([SSH, { kind: "restart-container", target: "shop" }]),
      ending: { result: "refused", code: "unknown-verb" },
      outcomes: [],
      effects: [],
    },
  ],
])("%s", async (_name, { host: options, order, meanwhile, ending, outcomes, effects }) => {
  const clock = fakeClock();
  const host = fakeHost(options, clock);
  meanwhile?.(host);
  const journal = memoryJournal();
  const signal = new AbortController().signal;
  const done = await carryOut("op-1", order, {
    machine: host.machine(),
    rules: NO_RULES,
    journal,
    clock,
    report: () => {},
    signal,
  });
  expect(done.ending).toMatchObject(ending);
  expect(done.steps.map((step) => `${step.target} ${step.outcome}`)).toEqual(outcomes);
  expect(host.effects).toEqual(effects);
  expect(operations(journal.records()).get("op-1")?.ending).toEqual(done.ending);
  expect(unfinished(journal.records())).toEqual([]);
});

test("an intent with its evidence is in the journal before the effect, the outcome after it", async () => {
  const clock = fakeClock();
  const host = fakeHost({ units: [old("ssh.service")] }, clock);
  const journal = memoryJournal();
  const machine = host.machine();
  const seen: string[][] = [];
  const watched: CarryOutDeps["machine"] = {
    ...machine,
    perform(step, before, options) {
      seen.push(journal.records().map((record) => record.type));
      return machine.perform(step, before, options);
    },
  };
  const signal = new AbortController().signal;
  await carryOut("op-1", order([SSH]), { machine: watched, rules: NO_RULES, journal, clock, report: () => {}, signal });
  expect(seen).toEqual([["begun", "intent"]]);
  expect(journal.records().map((record) => record.type)).toEqual(["begun", "intent", "outcome", "ended"]);
});

test("an interrupt takes effect between steps and is recorded", async () => {
  const clock = fakeClock();
  const host = fakeHost({ units: [old("ssh.service"), old("cron.service")] }, clock);
  const interrupt = new AbortController();
  const done = await carryOut("op-1", order([SSH, CRON]), {
    machine: host.machine(),
    rules: NO_RULES,
    journal: memoryJournal(),
    clock,
    report: (_state, steps) => steps.length > 0 && interrupt.abort(),
    signal: interrupt.signal,
  });
  expect(host.effects).toEqual(["restart-service:cron.service"]);
  expect(done.ending).toMatchObject({ result: "failed", code: "interrupted" });
  expect(done.steps.map((step) => `${step.target} ${step.outcome}`)).toEqual(["cron.service done"]);
});

test("the deadline stops before the next step; what was done is still settled and proved", async () => {
  const clock = fakeClock();
  const host = fakeHost({ units: [old("ssh.service"), old("cron.service")] }, clock);
  const states: string[] = [];
  const done = await carryOut("op-1", order([SSH, CRON], { deadlineMs: 5000 }), {
    machine: host.machine(),
    rules: NO_RULES,
    journal: memoryJournal(),
    clock,
    report: (state, steps) => {
      states.push(state);
      if (steps.length === 1) clock.pass(6000);
    },
    signal: new AbortController().signal,
  });
  expect(host.effects).toEqual(["restart-service:cron.service"]);
  expect(done.ending).toMatchObject({ result: "failed", code: "deadline" });
  expect(new Set(states)).toEqual(new Set(["acting", "settling", "verifying"]));
  expect(done.findingsLeft).toHaveLength(1);
});

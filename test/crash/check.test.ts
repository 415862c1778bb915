import type { Operation } from "@afterpatch/agent/journal/operations";
import type { StepResult } from "@afterpatch/core/rollout/types";
import { expect, test } from "vitest";
import { type Account, complaints } from "./check.ts";

const RESTART = { kind: "restart-service", target: "a.service" };
const END = { kind: "end-session", target: "crash" };
const OP = "op-1";

const ORDER = {
  from: { kind: "local" },
  steps: [RESTART, END],
  deadlineMs: 1,
  graceMs: 1000,
  settleMs: 0,
  allowNew: false,
} as const;

function operation(
  steps: readonly (typeof RESTART)[] = [RESTART, END],
  outcome: StepResult["outcome"] = "done",
): Operation {
  const key = ({ kind, target }: typeof RESTART) => `${kind}:${target}`;
  const result = (step: typeof RESTART) => ({ ...step, outcome, evidence: "", startedAt: 10, elapsedMs: 1 });
  return {
    begun: { type: "begun", op: OP, order: ORDER, bootId: "b", at: 1, sinceBootMs: 1 },
    intents: new Map(
      steps.map((step) => [key(step), { type: "intent", op: OP, step, before: {}, attempt: 1, at: 10 } as const]),
    ),
    outcomes: new Map(steps.map((step) => [key(step), result(step)])),
    codes: new Map(),
    announced: null,
    booted: null,
    ending: { result: "verified", code: "", message: "", residue: [] },
    endedAt: 30,
    acknowledged: true,
  };
}

const FINE: Account = {
  units: ["a.service"],
  starts: [{ unit: "a.service", invocation: "i1", at: 20 }],
  told: [{ pid: 5, at: 20 }],
  old: [5],
  deaf: [],
  fresh: [7],
  open: [7],
  orders: new Map([[OP, operation()]]),
  documents: [[...operation().outcomes.values()]],
  findings: 0,
  graceMs: 1000,
};
const start = FINE.starts[0];

test.each<[string, Partial<Account>, RegExp | null]>([
  ["a round as it should be", {}, null],
  [
    "a unit that was started twice",
    { starts: [start, { unit: "a.service", invocation: "i2", at: 25 }].flatMap((s) => s ?? []) },
    /a.service was started 2 times/,
  ],
  ["a unit that was not started", { starts: [] }, /a.service was started 0 times/],
  [
    "a start that no order tells of",
    { orders: new Map([[OP, operation([END])]]) },
    /0 orders have restarted a.service/,
  ],
  ["a start before its intent", { starts: [{ unit: "a.service", invocation: "i1", at: 1 }] }, /before any intent/],
  [
    "a session that was told twice at once",
    {
      told: [
        { pid: 5, at: 20 },
        { pid: 5, at: 30 },
      ],
    },
    /session 5 was sent TERM 2 times/,
  ],
  [
    "a session that lives on and is told again after its grace",
    {
      deaf: [5],
      told: [
        { pid: 5, at: 20 },
        { pid: 5, at: 1020 },
      ],
    },
    null,
  ],
  [
    "a session that lives on and is told again too soon",
    {
      deaf: [5],
      told: [
        { pid: 5, at: 20 },
        { pid: 5, at: 520 },
      ],
    },
    /session 5 was sent TERM 2 times/,
  ],
  ["an old session that was left", { told: [], open: [5, 7] }, /session 5 was never sent TERM/],
  ["a fresh session that was ended", { open: [] }, /fresh session 7 was ended/],
  ["an order that never ended", { orders: new Map([[OP, { ...operation(), ending: null }]]) }, /has not ended/],
  [
    "an intent without an outcome",
    { orders: new Map([[OP, { ...operation(), outcomes: new Map() }]]) },
    /has an intent and no outcome/,
  ],
  ["an effect that nobody was told of", { documents: [] }, /no document told/],
  ["old code that is left", { findings: 2 }, /2 findings are left/],
])("%s", (_name, change, complaint) => {
  const found = complaints({ ...FINE, ...change });
  if (complaint === null) expect(found).toEqual([]);
  else expect(found.join("\n")).toMatch(complaint);
});

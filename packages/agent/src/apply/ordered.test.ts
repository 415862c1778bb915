import type { StepRef } from "@afterpatch/core/rollout/types";
import { expect, test } from "vitest";
import { fakeClock } from "../../../../test/fakes/clock.ts";
import { memoryJournal } from "../../../../test/fakes/journal.ts";
import { fakeHost } from "../../../../test/fakes/machine.ts";
import { StepError } from "../effects/error.ts";
import { NO_RULES, type Rules } from "../vetoes/rules.ts";
import { carryOut } from "./carry-out.ts";

const SSH: StepRef = { kind: "restart-service", target: "ssh.service" };

/** A host of which ssh runs nothing old and nginx does, and an order to restart ssh in any case. */
async function ordered(keeps: Rules["keeps"] = async () => null, isOrdered = true) {
  const clock = fakeClock();
  const host = fakeHost(
    {
      units: [
        { name: "ssh.service", isOld: false },
        { name: "nginx.service", isOld: true },
      ],
    },
    clock,
  );
  const from = { kind: "permit", rolloutId: "r1", epoch: 1 } as const;
  const times = { deadlineMs: 600_000, graceMs: 10_000, settleMs: 10_000 };
  const leave = [{ kind: "restart-service", target: "nginx.service" }];
  const order = { from, steps: [SSH], ...times, allowNew: false, leave, ...(isOrdered ? { isOrdered } : {}) };
  const deps = { machine: host.machine(), rules: { ...NO_RULES, keeps }, journal: memoryJournal(), clock };
  const { ending, steps } = await carryOut("op-1", order, {
    ...deps,
    report: () => {},
    signal: new AbortController().signal,
  });
  return {
    host,
    ending,
    outcomes: steps.map(({ target, outcome }) => `${target} ${outcome}`),
    evidence: steps[0]?.evidence,
  };
}

test("a unit of which nothing is old is restarted because a person wants it, and nothing else is", async () => {
  const { host, ending, outcomes } = await ordered();
  expect([ending.result, outcomes]).toEqual(["verified", ["ssh.service done"]]);
  expect(host.effects).toEqual(["restart-service:ssh.service"]);
});

test("without that word it is left as it is", async () => {
  const { host, outcomes } = await ordered(undefined, false);
  expect([outcomes, host.effects]).toEqual([["ssh.service skipped"], []]);
});

test.each<[string, Rules["keeps"], string]>([
  ["that the host keeps", async (unit) => `the agent's file protects ${unit}`, "the agent's file protects ssh.service"],
  [
    "of which nobody can tell whether it is kept",
    () => Promise.reject(new StepError("unreadable", "systemd says nothing")),
    "whether it is kept cannot be told: systemd says nothing",
  ],
])("a unit %s is not restarted, whoever ordered it", async (_name, keeps, why) => {
  const { host, ending, outcomes, evidence } = await ordered(keeps);
  expect([ending.result, outcomes, evidence, host.effects]).toEqual(["failed", ["ssh.service vetoed"], why, []]);
});

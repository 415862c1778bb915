import { expect, test } from "vitest";
import { SSH, T0 } from "../../../../test/fakes/rollout.ts";
import { wordsOf } from "./events.ts";

const STEP = { ...SSH, outcome: "done", evidence: "new InvocationID", startedAt: T0, elapsedMs: 7 } as const;
const NEXT = { ...STEP, kind: "reboot", target: "host", outcome: "failed" } as const;
const progress = { type: "progress", at: T0, hostId: "web1", permitId: "p1", state: "acting" } as const;

test.each([
  ["before its first step has ended", [], {}],
  ["after a step", [STEP], { step: `${STEP.kind} ${STEP.target}`, stepOutcome: "done" }],
  ["after the next one", [STEP, NEXT], { step: "reboot host", stepOutcome: "failed" }],
])("progress of a host tells of its last step: %s", (_name, steps, expected) => {
  expect(wordsOf({ ...progress, steps })).toEqual({ state: "acting", permitId: "p1", ...expected });
});

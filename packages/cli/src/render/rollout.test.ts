import type { HostState } from "@afterpatch/core/rollout/types";
import { expect, test } from "vitest";
import type { RolloutDocument } from "../documents/rollout.ts";
import { plain } from "../shell.ts";
import { nextSteps, renderRollout } from "./rollout.ts";

test("a host that vetoed is shown with its own words, and so is why the rollout halted", () => {
  const why = "vetoed on the host: web01 (denied: /etc/afterpatch/deny exists: migration)";
  const about = {
    id: "h1",
    name: "web01",
    state: "vetoed",
    steps: [],
    residue: [],
    rebootDueAt: null,
    changedAt: 1,
  } as const;
  const rollout: RolloutDocument = {
    ...{ schema: "afterpatch.rollout/v1", id: "r1", name: "", reason: "DSA-1", actor: null, state: "halted", why },
    ...{ createdAt: null, endedAt: null, digest: "d", uncovered: [] },
    hosts: [{ ...about, reason: "denied: /etc/afterpatch/deny exists: migration" }],
    totals: { vetoed: 1 } as RolloutDocument["totals"], // the state this test uses
  };
  const text = renderRollout(rollout, plain, false);
  expect(text).toContain(`Rollout r1 halted: ${why}\n`);
  expect(text).toMatch(/^web01 +vetoed +- +denied: \/etc\/afterpatch\/deny exists: migration$/m);
  expect(text.endsWith("\n1 vetoed\n")).toBe(true);
});

test("what failed is shown with what it logged, by host and target", () => {
  const step = {
    id: "restart-service:nginx.service",
    remedy: { kind: "restart-service", target: "nginx.service" },
    outcome: "failed",
    evidence: "nginx.service is failed (failed, Result=exit-code, exit code 1)",
    startedAt: 1,
    elapsedMs: 1,
    journal: ["nginx: [emerg] bind() to 0.0.0.0:80 failed", "Failed with result 'exit-code'."],
  };
  const about = {
    id: "h1",
    name: "web01",
    state: "failed",
    reason: "step-failed",
    residue: [],
    rebootDueAt: null,
    changedAt: 1,
  } as const;
  const rollout: RolloutDocument = {
    ...{ schema: "afterpatch.rollout/v1", id: "r1", name: "", reason: "DSA-1", actor: null, state: "halted", why: "" },
    ...{ createdAt: null, endedAt: null, digest: "d", uncovered: [] },
    hosts: [{ ...about, steps: [step] }],
    totals: { failed: 1 } as RolloutDocument["totals"], // the state this test uses
  };
  expect(renderRollout(rollout, plain, false)).toContain(
    "\n\nweb01: nginx.service logged:\n  nginx: [emerg] bind() to 0.0.0.0:80 failed\n  Failed with result 'exit-code'.\n\n",
  );
});

test("a reboot that waits is shown with its time and how it is cancelled", () => {
  const rebootDueAt = Date.UTC(2026, 10, 23, 6, 5);
  const about = { id: "h1", name: "web01", state: "acting", reason: "", steps: [], residue: [], changedAt: 1 } as const;
  const rollout: RolloutDocument = {
    ...{ schema: "afterpatch.rollout/v1", id: "r1", name: "", reason: "x", actor: null, state: "stopping", why: "" },
    ...{ createdAt: null, endedAt: null, digest: "d", uncovered: [] },
    hosts: [{ ...about, rebootDueAt }],
    totals: { acting: 1 } as RolloutDocument["totals"], // the state this test uses
  };
  expect(renderRollout(rollout, plain, false)).toContain(
    "reboots at 2026-11-23T06:05:00Z; 'afterpatch-agent reboot --cancel' on the host cancels it\n",
  );
});

test.each<[RolloutDocument["state"], readonly HostState[], number, string]>([
  ["halted", ["done", "unreachable", "failed"], 0, "'afterpatch why web2' on what keeps it from being done; "],
  ["finished", ["done", "vetoed"], 0, "'afterpatch why web1' on what keeps it from being done; "],
  ["aborted", ["pending"], 0, ""],
  ["finished", ["done"], 1, ""],
])("a rollout that is %s with hosts that are %s says what comes next", (state, states, uncovered, why) => {
  const next = `next: ${why}'afterpatch rollout retry r1' over the hosts that did not end done`;
  expect(nextSteps(rolloutWith(state, states, uncovered))).toBe(next);
});

test.each<[RolloutDocument["state"], readonly HostState[]]>([
  ["finished", ["done", "done-with-residue"]],
  ["running", ["failed"]],
])("a rollout that is %s with hosts that are %s needs nothing next", (state, states) => {
  expect(nextSteps(rolloutWith(state, states, 0))).toBe("");
});

function rolloutWith(
  state: RolloutDocument["state"],
  states: readonly HostState[],
  uncovered: number,
): RolloutDocument {
  const about = { steps: [], residue: [], reason: "", rebootDueAt: null, changedAt: 1 };
  return {
    ...{ schema: "afterpatch.rollout/v1", id: "r1", name: "", reason: "DSA-1", actor: null, state, why: "" },
    ...{ createdAt: null, endedAt: null, digest: "d", uncovered: [{ name: "web9", why: "lost" }].slice(0, uncovered) },
    hosts: states.map((each, index) => ({ ...about, id: `h${index}`, name: `web${index}`, state: each })),
    totals: {} as RolloutDocument["totals"], // not looked at
  };
}

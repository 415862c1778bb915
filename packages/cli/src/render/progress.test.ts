import type { HostState, RolloutState } from "@afterpatch/core/rollout/types";
import { expect, test } from "vitest";
import type { RolloutDocument, RolloutHostDocument } from "../documents/rollout.ts";
import type { WaitDocument, WaveOutlookDocument } from "../documents/outlook.ts";
import type { Followed } from "../follow.ts";
import { changes, outlookChanges } from "./progress.ts";

const AT = Date.UTC(2026, 0, 2, 3, 4, 5);

const host = (name: string, state: HostState, more: Partial<RolloutHostDocument> = {}): RolloutHostDocument => ({
  id: name,
  name,
  state,
  reason: "",
  steps: [],
  residue: [],
  rebootDueAt: null,
  changedAt: AT,
  ...more,
});

function rollout(state: RolloutState, hosts: readonly RolloutHostDocument[], why = ""): RolloutDocument {
  const totals = {
    pending: 0,
    permitted: 0,
    acting: 0,
    done: 0,
    "done-with-residue": 0,
    failed: 0,
  } as RolloutDocument["totals"]; // the states these tests use
  const counted = { ...totals };
  for (const each of hosts) counted[each.state]++;
  const about = { schema: "afterpatch.rollout/v1", id: "r1", name: "", reason: "DSA-1", actor: "admin" } as const;
  return { ...about, state, why, createdAt: AT, endedAt: null, digest: "d", hosts, uncovered: [], totals: counted };
}

const step = (outcome: string, evidence = "") => ({
  id: "restart-service:nginx.service",
  remedy: { kind: "restart-service", target: "nginx.service" },
  outcome,
  evidence,
  startedAt: 1,
  elapsedMs: 1,
});

const RUNNING = rollout("running", [host("web01", "pending"), host("web02", "pending")]);

test.each<[string, RolloutDocument | null, RolloutDocument, readonly string[]]>([
  ["the first snapshot", null, RUNNING, ["rollout r1 running: 2 hosts: DSA-1"]],
  [
    "a first snapshot in the middle tells where each host is",
    null,
    rollout("running", [host("web01", "done"), host("web02", "pending")]),
    ["rollout r1 running: 2 hosts: DSA-1", "web01 done"],
  ],
  ["the same snapshot again", RUNNING, RUNNING, []],
  [
    "hosts in the order of their changes",
    RUNNING,
    rollout("running", [host("web01", "acting", { rebootDueAt: null, changedAt: AT + 1 }), host("web02", "acting")]),
    ["web02 acting", "web01 acting"],
  ],
  [
    "a failed step with its evidence and the host's reason",
    RUNNING,
    rollout("running", [
      host("web01", "failed", { steps: [step("failed", "exit 1")], reason: "step failed" }),
      host("web02", "pending"),
    ]),
    ["web01 failed: restart-service nginx.service failed (exit 1); step failed"],
  ],
  [
    "a step that ended, once, and what stays",
    rollout("running", [host("web01", "acting", { steps: [step("done")] }), host("web02", "pending")]),
    rollout("running", [
      host("web01", "done-with-residue", { steps: [step("done"), step("skipped", "gone")], residue: ["tmux"] }),
      host("web02", "pending"),
    ]),
    ["web01 done-with-residue: restart-service nginx.service skipped (gone); stays: tmux"],
  ],
  [
    "why nothing moves, when no host does",
    RUNNING,
    rollout("running", [host("web01", "pending"), host("web02", "pending")], "not connected: web01"),
    ["rollout r1 running: not connected: web01: 2 pending"],
  ],
  [
    "not who is in hand, which the host's line says",
    RUNNING,
    rollout("running", [host("web01", "permitted"), host("web02", "pending")], "1 of 1 in hand: web01"),
    ["web01 permitted"],
  ],
  [
    "a veto with the host's words; that it is tried again is told by what comes of it",
    rollout("running", [host("web01", "permitted"), host("web02", "vetoed", { reason: "denied: deny exists" })]),
    rollout("running", [host("web01", "vetoed", { reason: "window: opens at 22:00" }), host("web02", "pending")]),
    ["web01 vetoed: window: opens at 22:00"],
  ],
  [
    "the end with its totals",
    RUNNING,
    rollout("halted", [host("web01", "pending"), host("web02", "pending")], "1 failure"),
    ["rollout r1 halted: 1 failure: 2 pending"],
  ],
])("%s", (_name, before, after, expected) => {
  const lines = changes(before, after, AT);
  expect(lines.map((line) => line.slice("2026-01-02T03:04:05Z ".length))).toEqual(expected);
  expect(lines.every((line) => line.startsWith("2026-01-02T03:04:05Z "))).toBe(true);
});

const wave = (name: string, state: string, more: Partial<WaveOutlookDocument> = {}): WaveOutlookDocument => ({
  ...{ name, state, hosts: 2, ended: 0, inHand: 0, failed: 0, after: [], bakeUntil: null },
  ...more,
});
const followed = (waves: readonly WaveOutlookDocument[], waits: readonly WaitDocument[] = []): Followed => ({
  rollout: RUNNING,
  outlook: { waves, waits, budgets: [], endsAt: null },
});
const FULL: WaitDocument = { kind: "budget", why: "zone is full", hosts: 3, names: ["web01", "web02"], until: null };

test.each<[string, Followed | null, Followed, readonly string[]]>([
  ["one wave is the rollout itself", null, followed([wave("all", "open")]), []],
  ["the first look", null, followed([wave("a", "open"), wave("b", "blocked")]), ["wave a begins: 2 hosts"]],
  [
    "a wave that goes on",
    followed([wave("a", "open"), wave("b", "blocked")]),
    followed([wave("a", "baking", { bakeUntil: AT }), wave("b", "blocked")]),
    ["wave a has ended and is watched until 2026-01-02T03:04:05Z"],
  ],
  [
    "one that has passed, and the next",
    followed([wave("a", "gated"), wave("b", "blocked")]),
    followed([wave("a", "passed", { failed: 1 }), wave("b", "open")]),
    ["wave a has passed, 1 failed or lost", "wave b begins: 2 hosts"],
  ],
  [
    "a budget that holds hosts back, once",
    followed([wave("all", "open")]),
    followed([wave("all", "open")], [FULL, { ...FULL, why: "rack is full" }]),
    ["3 hosts (web01, web02) cannot begin: rack is full"],
  ],
  ["the same budget", followed([], [FULL]), followed([], [{ ...FULL, hosts: 2 }]), []],
  ["and no more", followed([], [FULL]), followed([]), ["no host is held back by a budget any more"]],
  ["a turn is told by who is in hand", followed([]), followed([], [{ ...FULL, kind: "batch" }]), []],
])("waves and waits: %s", (_name, before, after, expected) => {
  const lines = outlookChanges(before, after, AT);
  expect(lines).toEqual(expected.map((line) => `2026-01-02T03:04:05Z ${line}`));
});

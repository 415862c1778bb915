import { planDigest } from "@afterpatch/core/plan/digest";
import type { Permit, PermitUpdate } from "@afterpatch/core/session";
import { expect, test } from "vitest";
import { fakeClock } from "../../../../test/fakes/clock.ts";
import { memoryJournal } from "../../../../test/fakes/journal.ts";
import { fakeHost } from "../../../../test/fakes/machine.ts";
import { Orders, type Refusal } from "./orders.ts";
import { reportOf, sha256 } from "./report.ts";

const STEPS = [{ kind: "restart-service", target: "ssh.service" }];
const PERMIT: Permit = {
  permitId: "p1",
  rolloutId: "r1",
  hostId: "h1",
  bootId: "boot-1",
  epoch: 1,
  planDigest: planDigest(STEPS, sha256),
  steps: STEPS,
  beginWithinMs: 30_000,
  deadlineMs: 600_000,
  graceMs: 10_000,
  settleMs: 10_000,
  allowNew: false,
};

/** A host with an old sshd, and its agent, which takes the permit twice. */
async function taken(refusal?: Refusal) {
  const clock = fakeClock();
  const host = fakeHost({ units: [{ name: "ssh.service", isOld: true }] }, clock);
  const journal = memoryJournal();
  const updates: PermitUpdate[] = [];
  const emit = (update: PermitUpdate) => updates.push(update);
  const given = { hostId: "h1", machine: host.machine(), journal, clock, sha256, reportOf, lock: () => () => {} };
  const { signal } = new AbortController();
  const orders = new Orders({ ...given, emit, signal, ...(refusal ? { refusal } : {}) });
  await (await orders.take(PERMIT, 1)).done;
  await (await orders.take(PERMIT, 1)).done;
  return { host, outcomes: updates.flatMap((update) => (update.state === "finished" ? [update.outcome] : [])) };
}

test("a permit is carried out once, however often it arrives", async () => {
  const { host, outcomes } = await taken();
  expect(outcomes.map(({ result }) => result)).toEqual(["verified", "verified"]);
  expect(host.effects).toEqual(["restart-service:ssh.service"]);
});

test("an agent that may only report refuses every permit and touches nothing", async () => {
  const { host, outcomes } = await taken({ code: "not-root", message: "runs without root" });
  expect(outcomes.map(({ result, code }) => [result, code])).toEqual([
    ["refused", "not-root"],
    ["refused", "not-root"],
  ]);
  expect(host.effects).toEqual([]);
});

import type { RolloutEvent } from "@afterpatch/core/rollout/event";
import { HOST_STATES, ROLLOUT_STATES, type RolloutView } from "@afterpatch/core/rollout/types";
import { expect, test } from "vitest";
import { acting, permitted, rolloutPlan, rolloutView, T0 } from "../../../../test/fakes/rollout.ts";
import { pb } from "../messages.ts";
import { rolloutToWire } from "./rollout.ts";

const view = rolloutView(rolloutPlan({ hosts: ["web1", "web2-clean"] }), permitted("web1"), acting("web1"));

function received(sent: RolloutView) {
  return pb.v1.Rollout.decode(pb.v1.Rollout.encode(rolloutToWire(sent)).finish());
}

test("an operator gets plan, hosts and what is waited for", () => {
  const steps = [
    { kind: "restart-service", target: "ssh.service", outcome: "done", evidence: "ok", startedAt: 5, elapsedMs: 0 },
  ] as const;
  const hosts = view.hosts.map((host) => ({ ...host, steps, residue: ["cron job of backup"] }));
  const plan = { ...view.plan, uncovered: [{ name: "web9", why: "not connected" }] };
  expect(received({ ...view, plan, hosts, why: "1 of 1 in hand: web1" })).toMatchObject({
    ...{ id: "r1", name: "DSA-6001", reason: "DSA-6001", actor: "ops", createdAt: plan.createdAt, digest: plan.digest },
    ...{ state: "running", why: "1 of 1 in hand: web1", version: 3 },
    uncovered: [{ name: "web9", why: "not connected" }],
    hosts: [
      {
        name: "web1",
        hostId: "web1",
        state: "acting",
        residue: ["cron job of backup"],
        steps,
        changedAt: plan.createdAt,
      },
      { name: "web2-clean", state: "pending" },
    ],
  });
});

test("every word of state is passed on as it is", () => {
  for (const state of ROLLOUT_STATES) expect(received({ ...view, state }).state).toBe(state);
  for (const state of HOST_STATES) {
    const hosts = view.hosts.map((host) => ({ ...host, state }));
    expect(received({ ...view, hosts }).hosts.map((host) => host.state)).toEqual([state, state]);
  }
});

test.each<[string, number, readonly RolloutEvent[], boolean]>([
  ["its people have time", 300_000, [permitted("web1"), acting("web1")], true],
  ["it has not begun", 300_000, [permitted("web1")], false],
  ["nobody is given time", 0, [permitted("web1"), acting("web1")], false],
  ["it is on its way", 300_000, [permitted("web1"), acting("web1"), acting("web1", "returning")], false],
])("a reboot that waits says when it is due: %s", (_name, delayMs, events, isWaiting) => {
  const plan = rolloutPlan({ hosts: ["web1"], rebooted: ["web1"], reboot: { delayMs } });
  const [host] = received(rolloutView(plan, ...events)).hosts;
  expect(host?.rebootDueAt).toBe(isWaiting ? T0 + delayMs : 0);
});

test("which hosts a rollout holds, and when it ended", () => {
  const { hosts, endedAt } = received(view);
  expect([hosts.map(({ hasWork }) => hasWork), endedAt]).toEqual([[true, false], 0]);
  expect(received({ ...view, endedAt: T0 + 5 }).endedAt).toBe(T0 + 5);
});

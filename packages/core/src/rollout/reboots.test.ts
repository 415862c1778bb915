import { describe, expect, test } from "vitest";
import {
  ALONE,
  acting,
  ended,
  fleetOf,
  permitted,
  type RolloutOrder,
  rolloutPlan,
  rolloutView,
  T0,
  TIMING,
  unreachable,
  vetoed,
} from "../../../../test/fakes/rollout.ts";
import { DEFAULT_REBOOT, NO_REBOOT } from "../plan/reboot.ts";
import { type Decision, type FleetView, next } from "./next.ts";
import { lastsMs, rebootOf } from "./reboots.ts";
import type { RolloutEvent } from "./event.ts";

const HOSTS = ["web1", "web2", "web3", "ctl"];
const AT = T0 + 1_000;
const done = (...hosts: readonly string[]) => hosts.flatMap((host) => [permitted(host), ended(host)]);

function decide(order: RolloutOrder, events: readonly RolloutEvent[], fleet: Partial<FleetView> = {}, now = AT) {
  const view = rolloutView(rolloutPlan({ hosts: HOSTS, ...order }), ...events);
  const { decisions, waits, wakeAt } = next(view, { ...fleetOf(HOSTS), ...ALONE, ...fleet }, now);
  return { said: decisions.map(said).join(", "), waits: waits.join("; "), wakeAt };
}

function said(decision: Decision): string {
  if (decision.kind === "stop") return `stop: ${decision.why}`;
  return "hostId" in decision ? `${decision.kind} ${decision.hostId}` : decision.kind;
}

describe("the brake", () => {
  const ALL = { ramp: [9], rebooted: HOSTS };
  test.each<[string, RolloutOrder, Partial<FleetView>, string, string, number | null]>([
    [
      "lets one reboot begin, and says when the next does",
      ALL,
      {},
      "permit web1",
      "a reboot begins every 10 s at most: web2, web3, ctl",
      AT + 10_000,
    ],
    [
      "holds the first too, where another rollout had one a moment ago",
      { ramp: [1], rebooted: HOSTS },
      { rebootPermittedAt: AT - 9_999 },
      "",
      "a reboot begins every 10 s at most: web1",
      AT + 1,
    ],
    [
      "is off ten seconds later",
      { ramp: [1], rebooted: HOSTS },
      { rebootPermittedAt: AT - 10_000 },
      "permit web1",
      "",
      null,
    ],
    [
      "does not hold hosts that are not rebooted",
      { ramp: [9], rebooted: ["web1", "web3"] },
      { rebootPermittedAt: AT },
      "permit web2, permit ctl",
      "a reboot begins every 10 s at most: web1, web3",
      AT + 10_000,
    ],
    [
      "holds no rollout without reboots",
      { ramp: [2] },
      { rebootPermittedAt: AT },
      "permit web1, permit web2",
      "",
      null,
    ],
  ])("%s", (_name, order, fleet, expected, waits, wakeAt) => {
    expect(decide(order, [], fleet)).toEqual({ said: expected, waits, wakeAt });
  });
});

describe("the controller's own host", () => {
  const OWN = { hosts: ["ctl", "web1", "web2"], ramp: [5], rebooted: ["ctl"], controllerOn: "ctl" };
  const WAITS = "nothing begins until ctl is back, on which the controller runs";
  const lost = [permitted("web2"), unreachable("web2")];
  test.each<[string, RolloutOrder, readonly RolloutEvent[], Partial<FleetView>, string, string]>([
    ["is rebooted after all others, wherever it stands", OWN, [], {}, "permit web1, permit web2", ""],
    [
      "waits for each of them",
      OWN,
      [...done("web1"), permitted("web2"), acting("web2", "verifying")],
      {},
      "",
      "1 of 5 in hand: web2",
    ],
    ["goes when all are at rest", OWN, done("web1", "web2"), {}, "permit ctl", ""],
    [
      "is in its place where it is not rebooted",
      { ...OWN, rebooted: ["web1"] },
      [],
      {},
      "permit ctl, permit web1, permit web2",
      "",
    ],
    [
      "goes not while another rollout has a host in hand, or one that did not answer",
      OWN,
      done("web1", "web2"),
      { elsewhere: ["db1", "db2"] },
      "",
      "ctl is rebooted alone, the controller runs there: waits for db1, db2",
    ],
    ["keeps other rollouts from beginning anything", { hosts: HOSTS }, [], { leavingFor: "ctl" }, "", WAITS],
    [
      "keeps its own from it too: a host that comes back meanwhile waits",
      { ...OWN, maxFail: 1 },
      [...done("web1"), unreachable("web2"), permitted("ctl"), { type: "returned", at: T0, hostId: "web2" }],
      {},
      "",
      `1 of 5 in hand: ctl; ${WAITS}`,
    ],
    [
      "is not rebooted while one that did not answer may be down",
      { ...OWN, maxFail: 1 },
      [...done("web1"), ...lost],
      {},
      "stop: no room left: web2 did not answer and may be down still",
      "",
    ],
    [
      "does not keep a rollout alive whose other hosts veto for good",
      OWN,
      [...done("web1"), ...[1, 2, 3].flatMap((n) => vetoes("web2", n))],
      {},
      "stop: vetoed on the host: web2 (denied: /etc/afterpatch/deny exists: migration)",
      "",
    ],
  ])("%s", (_name, order, events, fleet, expected, waits) => {
    const last = events.at(-1);
    const now = last?.type === "vetoed" ? T0 + 60_000 : AT;
    const at = { ...fleetOf(["ctl", ...HOSTS]), ...fleet };
    const view = rolloutView(rolloutPlan({ ...order }), ...events);
    const answer = next(view, at, now);
    expect([answer.decisions.map(said).join(", "), answer.waits.join("; ")]).toEqual([expected, waits]);
  });

  test("is looked at again soon: other rollouts end without a word to this one", () => {
    const { wakeAt } = decide({ ...OWN, hosts: ["ctl"] }, [], { elsewhere: ["db1"] });
    expect(wakeAt).toBe(AT + 10_000);
  });
});

function vetoes(host: string, n: number): readonly RolloutEvent[] {
  const again: readonly RolloutEvent[] = n < 3 ? [{ type: "tried-again", at: T0, hostId: host }] : [];
  return [permitted(host, n), vetoed(host, n), ...again];
}

describe("a host that is down for its reboot", () => {
  const order = { ramp: [2], maxFail: 1, rebooted: ["web1"] };
  const lasts = lastsMs(rolloutPlan({ hosts: HOSTS, ...order }), "web1");
  const endBy = T0 + TIMING.beginWithinMs + lasts;
  const begun = [permitted("web1", 1, T0, lasts), acting("web1", "returning")];
  const away = { hosts: fleetOf(HOSTS, { web1: T0 + 5_000 }).hosts };

  test("is charged, and told as such", () => {
    expect(decide({ ...order, ramp: [1] }, begun, away)).toEqual({
      said: "",
      waits: "1 of 1 in hand: web1 (rebooting)",
      wakeAt: endBy + TIMING.unreachableAfterMs,
    });
  });

  test.each<[string, Partial<FleetView>, readonly RolloutEvent[], string]>([
    ["not back in time", away, begun, "not back 23 min after its reboot began"],
    ["back, without a word of how it ended", {}, begun, "no result by the permit's deadline (returning)"],
    ["silent before it said anything", away, begun.slice(0, 1), "no result by the permit's deadline (permitted)"],
  ])("is unreachable where it is %s", (_name, fleet, events, why) => {
    const view = rolloutView(rolloutPlan({ hosts: HOSTS, ...order }), ...events);
    const at = endBy + TIMING.unreachableAfterMs;
    const { decisions } = next(view, { ...fleetOf(HOSTS), ...fleet }, at);
    expect(decisions.filter((d) => d.kind === "unreachable")).toEqual([{ kind: "unreachable", hostId: "web1", why }]);
    expect(decide(order, events, fleet, at - 1).said).not.toContain("unreachable");
  });

  test("stays charged when it was given up, and counts as a failure", () => {
    const given = [...begun, unreachable("web1")];
    expect(decide({ ...order, ramp: [1] }, given, away).said).toMatch(/^stop: no room left: web1/);
    expect(decide({ ...order, maxFail: 0 }, given, away).said).toMatch(/^stop: 1 failed \(web1\)/);
  });

  test("goes on when it comes back while the rollout is open", () => {
    const back = [...begun, unreachable("web1"), acting("web1", "returning"), acting("web1", "settling")];
    expect(rolloutView(rolloutPlan({ hosts: HOSTS, ...order }), ...back, ended("web1")).hosts[0]).toMatchObject({
      state: "done",
    });
  });
});

test.each<[string, string, number, object]>([
  [
    "a host that is rebooted has its people's time, its boot and its settling on top",
    "web1",
    600_000 + 300_000 + 1_260_000,
    { ...DEFAULT_REBOOT, delayMs: 300_000 },
  ],
  ["one that is not has none of it, and is never rebooted, whatever it needs by now", "web2", 600_000, NO_REBOOT],
])("%s", (_name, host, ms, order) => {
  const plan = rolloutPlan({ rebooted: ["web1"], reboot: { delayMs: 300_000 } });
  expect([lastsMs(plan, host), rebootOf(plan, host)]).toEqual([ms, order]);
});

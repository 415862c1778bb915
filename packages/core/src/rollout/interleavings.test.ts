import fc from "fast-check";
import { expect, test } from "vitest";
import { ALONE, rolloutPlan, T0, TIMING } from "../../../../test/fakes/rollout.ts";
import type { CheckSpec, HookSpec } from "../rollout-file/spec.ts";
import { type Care, isCaredFor, isInCare, UNTOUCHED } from "./care.ts";
import { afterChore, giveBack } from "./chores.ts";
import { fold, follow, planned } from "./fold.ts";
import type { Hold } from "./holds.ts";
import { type Decision, type FleetView, next } from "./next.ts";
import { failures } from "./stop.ts";
import { isAtRest, isClosed, isInFlight } from "./transitions.ts";
import type { RolloutEvent } from "./event.ts";
import type { HostInRollout, RolloutPlan, RolloutView } from "./types.ts";
import { retryInMs } from "./veto.ts";

// Whatever hosts, operators and the clock do, in any order in which the fold allows it, next() keeps these promises.

/** Something that happens from outside; what cannot happen at that moment is passed over. */
const outside = fc.record({
  kind: fc.constantFrom(
    "acting",
    "returning",
    "settling",
    "verifying",
    "done",
    "failed",
    "void",
    "veto",
    "away",
    "back",
    "abort",
    "clock",
    "held",
    "not-held",
    "cordon",
    "uncordon",
    "freeze",
    "thaw",
    "write-off",
  ),
  host: fc.nat(5),
  ms: fc.constantFrom(1_000, 60_000, 130_000, 700_000, 3 * 3_600_000, -3 * 3_600_000, -86_400_000, 86_400_000),
});
type Outside = typeof outside extends fc.Arbitrary<infer T> ? T : never;

const orders = fc.record({
  clean: fc.array(fc.boolean(), { minLength: 1, maxLength: 6 }),
  ramp: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 3 }),
  maxFail: fc.nat(3),
  hasCare: fc.boolean(),
});

interface Play {
  readonly events: readonly RolloutEvent[];
  readonly broken: readonly string[];
  readonly view: RolloutView;
}

function play(plan: RolloutPlan, happenings: readonly Outside[]): Play {
  let now = T0;
  let view = planned(plan);
  const away = new Map<string, number>();
  const cordons = new Map<string, Hold>();
  let freeze: Hold | null = null;
  const events: RolloutEvent[] = [];
  const broken: string[] = [];
  const add = (event: RolloutEvent): boolean => {
    const after = follow(view, event);
    if (after.kind === "followed") {
      view = after.view;
      events.push(event);
    }
    return after.kind === "followed";
  };
  const look = (): void => {
    for (let rounds = 0; ; rounds += 1) {
      if (rounds > 50) return void broken.push("next() never comes to an end");
      const { decisions } = next(view, { ...fleet(plan, away), holds: { cordons, freeze } }, now);
      if (decisions.length === 0) return;
      for (const decision of decisions) {
        broken.push(...promises(view, decision, away, now));
        if (isBeginning(decision) && freeze !== null) broken.push(`${decision.kind} in a frozen fleet`);
        if (isBeginning(decision) && cordons.has(decision.hostId)) broken.push(`${decision.kind} of a cordoned host`);
        if (decision.kind === "ask-again") away.set(decision.hostId, now);
        else if (!add(eventOf(view, decision, now, events.length)))
          broken.push(`${decision.kind} was decided and refused`);
      }
    }
  };
  add({ type: "started", at: now });
  look();
  for (const what of happenings) {
    const hostId = plan.hosts[what.host % plan.hosts.length]?.hostId ?? "";
    if (what.kind === "clock") now += what.ms;
    else if (what.kind === "away") away.set(hostId, now);
    else if (what.kind === "back") away.delete(hostId);
    else if (what.kind === "cordon") cordons.set(hostId, HOLD);
    else if (what.kind === "uncordon") cordons.delete(hostId);
    else if (what.kind === "freeze") freeze = HOLD;
    else if (what.kind === "thaw") freeze = null;
    else for (const event of told(view, what, hostId, now)) add(event);
    look();
  }
  return { events, broken, view };
}

const HOLD: Hold = { actor: "ada", reason: "disk swap", since: T0, until: null };

function isBeginning(decision: Decision): decision is Extract<Decision, { kind: "permit" | "take" }> {
  return decision.kind === "permit" || decision.kind === "take";
}

function promises(view: RolloutView, decision: Decision, away: ReadonlyMap<string, number>, now: number): string[] {
  const { plan } = view;
  const broken: string[] = [];
  if (decision.kind === "close" && view.hosts.some((h) => isInFlight(h.state)))
    broken.push("closed with hosts in hand");
  if (decision.kind === "close" && decision.state === "finished" && !view.hosts.every((h) => isAtRest(h.state))) {
    broken.push("finished with hosts pending");
  }
  if (decision.kind === "try-again") {
    const host = view.hosts.find((h) => h.hostId === decision.hostId);
    if (view.state !== "running" || (host?.againAt ?? Number.POSITIVE_INFINITY) > now)
      broken.push(`${decision.hostId} tried again too early, or while ${view.state}`);
  }
  if (decision.kind !== "permit" && decision.kind !== "take") return broken;
  // One that was got ready is in hand already.
  const others = view.hosts.filter((host) => host.hostId !== decision.hostId);
  const inHand = others.filter(isCharged).length + 1;
  const batch = batchOf(plan, decision.hostId);
  if (inHand > batch.size) broken.push(`${inHand} in hand in a batch of ${batch.size}`);
  const isEarlierOpen = view.hosts.some((h) => batch.earlier.includes(h.hostId) && !isAtRest(h.state));
  if (isEarlierOpen) broken.push(`${decision.hostId} permitted before an earlier batch was at rest`);
  if (failures(view).length > plan.maxFail) broken.push(`permitted after ${failures(view).length} failures`);
  if (view.state !== "running" || view.isAborting) broken.push(`permitted while ${view.state}`);
  if (away.has(decision.hostId)) broken.push(`${decision.hostId} permitted while away`);
  return broken;
}

/** The ramp as the contract says it, worked out anew: sizes one after the other, the last repeats. */
function batchOf(plan: RolloutPlan, hostId: string): { size: number; earlier: readonly string[] } {
  const working = plan.hosts.filter((h) => h.steps.length > 0).map((h) => h.hostId);
  const place = working.indexOf(hostId);
  const ends = plan.ramp.map((_, i) => plan.ramp.slice(0, i + 1).reduce((sum, size) => sum + size, 0));
  const found = ends.findIndex((end) => place < end);
  const index = found < 0 ? plan.ramp.length - 1 : found;
  return { size: plan.ramp[index] ?? 0, earlier: working.slice(0, ends[index - 1] ?? 0) };
}

function isCharged(host: HostInRollout): boolean {
  return isInFlight(host.state) || (host.state === "unreachable" && host.permit !== null);
}

function eventOf(
  view: RolloutView,
  decision: Exclude<Decision, { kind: "ask-again" }>,
  at: number,
  n: number,
): RolloutEvent {
  if (decision.kind === "stop") return { type: "stopping", at, why: decision.why };
  if (decision.kind === "window-close") return { type: "window-closed", at, why: decision.why };
  if (decision.kind === "window-open") return { type: "window-opened", at };
  if (decision.kind === "close") return { type: "closed", at, state: decision.state, why: decision.why };
  if (decision.kind !== "permit") {
    if (decision.kind === "end-wave") return { type: "wave-ended", at, wave: decision.wave, bakeUntil: at };
    if (!("hostId" in decision)) throw new Error(`${decision.kind} in a plan without gates and windows`);
    const { hostId } = decision;
    if (decision.kind === "take") return { type: "taken", at, hostId, phase: decision.phase };
    if (decision.kind === "give-back") {
      const host = view.hosts.find((one) => one.hostId === hostId);
      if (!host) throw new Error(`${hostId} is given back and unknown`);
      return giveBack(host, { at }, decision.outcome);
    }
    if (decision.kind === "unreachable") return { type: "unreachable", at, hostId, why: decision.why };
    if (decision.kind === "skip") return { type: "skipped", at, hostId, why: decision.why };
    if (decision.kind === "returned") return { type: "returned", at, hostId };
    if (decision.kind === "try-again") return { type: "tried-again", at, hostId };
    return { type: "nothing-to-do", at, hostId, residue: decision.residue };
  }
  const beginBy = at + TIMING.beginWithinMs;
  const endBy = beginBy + TIMING.deadlineMs;
  const { hostId, bootId } = decision;
  return { type: "permitted", at, hostId, permitId: `p${n}`, bootId, epoch: 1, beginBy, endBy };
}

function told(view: RolloutView, { kind }: Outside, hostId: string, at: number): readonly RolloutEvent[] {
  if (kind === "abort") return [{ type: "abort-requested", at, actor: "ops", why: "changed my mind" }];
  if (kind === "write-off") return [{ type: "written-off", at, hostId, actor: "ops", why: "dead" }];
  const host = view.hosts.find((h) => h.hostId === hostId);
  if (kind === "held" || kind === "not-held") {
    const { phase } = host?.care ?? UNTOUCHED;
    const result = { why: kind === "held" ? null : "it says no", baseline: null };
    const event = phase && afterChore(view, hostId, phase, result, { at, steadyAt: at });
    return event ? [event] : [];
  }
  // Whoever is in the controller's own hands is heard no more.
  if (host && isInCare(host)) return [];
  const permitId = host?.permit?.id;
  if (!host || permitId === undefined) return [];
  const againAt = at + retryInMs(host.vetoes + 1);
  if (kind === "veto") return [{ type: "vetoed", at, hostId, permitId, why: "denied", steps: [], againAt }];
  if (kind === "void") return [{ type: "permit-void", at, hostId, permitId, why: "lost" }];
  if (kind === "done" && isCaredFor(view.plan, host.care))
    return [{ type: "proved", at, hostId, permitId, state: kind, steps: [], residue: [] }];
  if (kind === "done" || kind === "failed")
    return [{ type: "ended", at, hostId, permitId, state: kind, reason: "", steps: [], residue: [] }];
  if (kind === "acting" || kind === "returning" || kind === "settling" || kind === "verifying")
    return [{ type: "progress", at, hostId, permitId, state: kind, steps: [] }];
  return [];
}

function fleet(plan: RolloutPlan, away: ReadonlyMap<string, number>): FleetView {
  const hosts = plan.hosts.map(({ hostId }) => [hostId, { awaySince: away.get(hostId) ?? null, bootId: "b" }] as const);
  return { ...ALONE, hosts: new Map(hosts), listeningSince: T0 - 1_000 };
}

interface Order {
  readonly clean: readonly boolean[];
  readonly ramp: readonly number[];
  readonly maxFail: number;
  readonly hasCare: boolean;
}

function planFor({ clean, ramp, maxFail, hasCare }: Order): RolloutPlan {
  const hosts = clean.map((isClean, i) => `web${i + 1}${isClean ? "-clean" : ""}`);
  const plan = rolloutPlan({ hosts, ramp, maxFail });
  if (!hasCare) return plan;
  const wave = { name: "all", hostIds: hosts, ramp, mode: "slide", after: [], bakeMs: 0, isApproved: false } as const;
  const hours = { windows: [], freeze: [] };
  const shape = { waves: [{ ...wave, leaderLast: null }], budgets: [], hours, care: CARE };
  return { ...plan, shape: { ...shape, maxFailPercent: null, progressDeadlineMs: null } };
}

const LIVE: CheckSpec = { name: "live", probe: { kind: "tcp", host: "{host}", port: 443 }, forMs: 0, timeoutMs: 1_000 };
const HOOK: HookSpec = { command: ["/bin/true"], timeoutMs: 1_000, onFail: "skip-host" };
const CARE: Care = { before: [LIVE], drain: HOOK, after: [LIVE], undrain: { ...HOOK, onFail: "fail-host" } };

/** What people hold back holds a rollout up for as long as they like. */
function letGo({ clean }: Order): readonly Outside[] {
  const freed = clean.map((_, host): Outside => ({ kind: "uncordon", host, ms: 1_000 }));
  return [...freed, { kind: "thaw", host: 0, ms: 1_000 }];
}

test("no interleaving permits beyond the ramp, after a tripped stop rule, after an abort, or to a host that is away, cordoned or frozen", () => {
  fc.assert(
    fc.property(orders, fc.array(outside, { maxLength: 60 }), (order, happenings) => {
      expect(play(planFor(order), happenings).broken).toEqual([]);
    }),
    { numRuns: 2_000 },
  );
});

test("events folded anew give the same rollout", () => {
  fc.assert(
    fc.property(orders, fc.array(outside, { maxLength: 40 }), (order, happenings) => {
      const { events, view } = play(planFor(order), happenings);
      expect(fold(view.plan, events)).toEqual(view);
    }),
    { numRuns: 300 },
  );
});

test("a rollout whose hosts are left alone comes to its end by the clock", () => {
  fc.assert(
    fc.property(orders, fc.array(outside, { maxLength: 40 }), (order, happenings) => {
      const hours = Array.from({ length: 40 }, (): Outside[] => [
        ...order.clean.flatMap((_, host): Outside[] => [
          { kind: "away", host, ms: 1_000 },
          { kind: "not-held", host, ms: 1_000 }, // hooks and checks end by themselves
        ]),
        { kind: "clock", host: 0, ms: 86_400_000 },
      ]).flat();
      const { view, broken } = play(planFor(order), [...happenings, ...letGo(order), ...hours]);
      expect([broken, isClosed(view.state)]).toEqual([[], true]);
    }),
    { numRuns: 300 },
  );
});

test("hosts that only veto do not keep a rollout alive", () => {
  fc.assert(
    fc.property(orders, fc.array(outside, { maxLength: 40 }), (order, happenings) => {
      const minutes = Array.from({ length: 60 }, (): Outside[] => [
        ...order.clean.flatMap((_, host): Outside[] => [
          { kind: "back", host, ms: 1_000 },
          { kind: "held", host, ms: 1_000 },
          { kind: "held", host, ms: 1_000 },
          { kind: "veto", host, ms: 1_000 },
          { kind: "held", host, ms: 1_000 },
        ]),
        { kind: "clock", host: 0, ms: 60_000 },
      ]).flat();
      // A clock that steps back makes the end later, not never.
      const forward = happenings.filter(({ kind, ms }) => kind !== "clock" || ms > 0);
      const { view, broken } = play(planFor(order), [...forward, ...letGo(order), ...minutes]);
      expect([broken, isClosed(view.state)]).toEqual([[], true]);
    }),
    { numRuns: 300 },
  );
});

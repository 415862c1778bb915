import type { CheckSpec, HookSpec } from "../rollout-file/spec.ts";
import { type AfterCare, type Baseline, careOf, GIVEN_BACK, type Last, leaderCheck, type Phase } from "./care.ts";
import { inOrder } from "./batch.ts";
import { FEWEST_TRIES, isTriedEnough } from "./silence.ts";
import { isAtRest } from "./transitions.ts";
import type { RolloutEvent } from "./event.ts";
import type { HostInRollout, RolloutView } from "./types.ts";
import { retryInMs } from "./veto.ts";

// What the controller has to do around a host just now, and what comes of it. Both follow from the stored events alone:
// after a crash the same is to be done again.

export type Chore =
  | {
      readonly kind: "checks";
      readonly checks: readonly CheckSpec[];
      /** The host's units and ports are to be noted. */
      readonly notes: boolean;
      /** What they were when they were noted. */
      readonly baseline: Baseline | null;
      /** A check of the host's own: where it holds the host leads, and others come first. Null: nobody asks. */
      readonly leader: string | null;
    }
  | { readonly kind: "hook"; readonly hook: HookSpec };

export interface ChoreResult {
  /** Null: all of it went well. Otherwise one sentence without a full stop. */
  readonly why: string | null;
  /** Of a chore that notes. */
  readonly baseline: Baseline | null;
  /** Of one that asks whether the host leads: others come first. Absent: they do not. */
  readonly comesLast?: Last;
}

/** What is to be done around this host; null: nothing. */
export function choreOf(view: RolloutView, host: HostInRollout): Chore | null {
  const { plan } = view;
  const { phase, baseline } = host.care;
  const { before, drain, after, undrain } = careOf(plan);
  switch (phase) {
    case "checking": {
      const notes = after.some(({ probe }) => probe.kind === "baseline");
      return { kind: "checks", checks: before, notes, baseline: null, leader: leaderAsked(view, host) };
    }
    case "health":
      return { kind: "checks", checks: after, notes: false, baseline, leader: null };
    case "draining":
      return drain && { kind: "hook", hook: drain };
    case "undraining":
      return undrain && { kind: "hook", hook: undrain };
    case "ready":
    case null:
      return null;
  }
}

/** A leader goes when all others of its wave have gone. */
function leaderAsked({ plan, hosts }: RolloutView, { hostId }: HostInRollout): string | null {
  const wave = plan.shape?.waves.find(({ hostIds }) => hostIds.includes(hostId));
  const ordered = inOrder(hosts.filter((one) => wave?.hostIds.includes(one.hostId)));
  const at = ordered.findIndex((one) => one.hostId === hostId);
  // Those that only wait for others do not wait for one another: the first of them goes when it has waited long enough.
  const isIdle = ({ care, state }: HostInRollout) =>
    care.comesLast !== null && (state === "vetoed" || state === "pending" || care.phase === "checking");
  const mayGoFirst = (ordered[at]?.care.heldOff ?? 0) >= FEWEST_TRIES;
  const isOver = (one: HostInRollout, index: number) =>
    index === at ||
    isAtRest(one.state) ||
    (one.state === "vetoed" && isTriedEnough(one)) ||
    (mayGoFirst && index > at && isIdle(one));
  return ordered.every(isOver) ? null : leaderCheck(plan, hostId);
}

/** Both clocks of the controller, epoch milliseconds: the one that people read, and the one that deadlines are on. */
export interface Now {
  readonly at: number;
  readonly steadyAt: number;
}

/** The event that the end of a chore is; null where the host has gone on since. */
export function afterChore(
  view: RolloutView,
  hostId: string,
  phase: Phase,
  { why, baseline, comesLast }: ChoreResult,
  now: Now,
): RolloutEvent | null {
  const host = view.hosts.find((one) => one.hostId === hostId);
  if (host?.care.phase !== phase) return null;
  const base = { at: now.at, hostId };
  switch (phase) {
    case "checking":
      if (why !== null) {
        const againAt = now.steadyAt + retryInMs(host.care.heldOff + 1);
        const heldOff = { state: "vetoed", reason: `not touched: ${why}`, againAt, isStop: false } as const;
        return left(host, now, comesLast === undefined ? heldOff : { ...heldOff, comesLast });
      }
      if (view.state !== "running") return left(host, now, GIVEN_BACK);
      return careOf(view.plan).drain === null
        ? { type: "ready", ...base, baseline }
        : { type: "drain-begun", ...base, baseline };
    case "draining":
      return why === null
        ? { type: "ready", ...base, baseline: null }
        : giveBack(host, now, hookFailed(careOf(view.plan).drain, `its drain: ${why}`));
    case "health": {
      const shown = host.care.outcome ?? GIVEN_BACK;
      if (why === null) return giveBack(host, now, shown);
      const rest = host.care.isDrained ? "; it is out of service still" : "";
      return left(host, now, { ...shown, state: "failed", reason: `unhealthy: ${why}${rest}` });
    }
    case "undraining": {
      const outcome = host.care.outcome ?? GIVEN_BACK;
      if (why === null) return { type: "left", ...base, outcome, isDrained: false };
      return left(host, now, undrainFailed(careOf(view.plan).undrain, outcome, why));
    }
    case "ready":
      return null;
  }
}

/** Back into service where it is out of it. */
export function giveBack(host: HostInRollout, { at }: Pick<Now, "at">, outcome: AfterCare): RolloutEvent {
  return host.care.isDrained
    ? { type: "undrain-begun", at, hostId: host.hostId, outcome }
    : { type: "left", at, hostId: host.hostId, outcome, isDrained: false };
}

function left({ hostId, care: { isDrained } }: HostInRollout, { at }: Now, outcome: AfterCare): RolloutEvent {
  return { type: "left", at, hostId, outcome, isDrained };
}

function hookFailed(hook: HookSpec | null, reason: string): AfterCare {
  const onFail = hook?.onFail ?? "fail-host";
  return { state: onFail === "skip-host" ? "skipped" : "failed", reason, againAt: null, isStop: onFail === "stop" };
}

/** Whatever the host has shown: nobody knows that it is back in service. */
function undrainFailed(hook: HookSpec | null, outcome: AfterCare, why: string): AfterCare {
  const before = outcome.reason === "" ? "" : `${outcome.reason}; `;
  const reason = `${before}it is out of service still: its undrain ${why}`;
  return { state: "failed", reason, againAt: null, isStop: outcome.isStop || hook?.onFail === "stop" };
}

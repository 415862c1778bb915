import type { Care, HostCare } from "./care.ts";
import type { Budget } from "./budgets.ts";
import type { Hours } from "./hours.ts";
import type { Wave } from "./waves.ts";
import type { Scope } from "../fleet/scope.ts";
import type { Filter } from "../plan/filter.ts";
import type { WebhookSpec } from "../rollout-file/spec.ts";
import type { RebootOrder } from "../plan/reboot.ts";

// A rollout is data: a frozen plan plus an append-only list of events. Its state is a fold over them.

/** Words of state of a host in a rollout (contracts). */
export const HOST_STATES = [
  "pending",
  "vetoed",
  "permitted",
  "draining",
  "acting",
  "returning",
  "settling",
  "verifying",
  "undraining",
  "done",
  "done-with-residue",
  "failed",
  "skipped",
  "unreachable",
  "written-off",
] as const;
export type HostState = (typeof HOST_STATES)[number];

export const ROLLOUT_STATES = [
  "planned",
  "running",
  "paused",
  "waiting-approval",
  "waiting-window",
  "stopping",
  "halted",
  "aborted",
  "finished",
] as const;
export type RolloutState = (typeof ROLLOUT_STATES)[number];

export interface StepRef {
  readonly kind: string;
  readonly target: string;
}

export interface StepResult extends StepRef {
  readonly outcome: "done" | "failed" | "vetoed" | "skipped";
  readonly evidence: string;
  readonly startedAt: number;
  readonly elapsedMs: number;
  /** Of a step that failed: the last lines that its target logged, redacted and made visible, oldest first. */
  readonly journal?: readonly string[];
}

/** What was decided when the rollout started; never changes afterwards. */
export interface RolloutPlan {
  readonly id: string;
  readonly name: string;
  readonly reason: string;
  readonly actor: string;
  readonly createdAt: number;
  /** Pattern as typed. */
  readonly pattern: string;
  /** Batch sizes as integers, the last repeats; never empty, each at least 1. */
  readonly ramp: readonly number[];
  /** So many failures are tolerated; the next one stops. */
  readonly maxFail: number;
  readonly allowNew: boolean;
  readonly reboot: RebootOrder;
  readonly digest: string;
  /** In the order in which they are permitted. */
  readonly hosts: readonly RolloutHostPlan[];
  /** Selected, but not plannable: lost or never reported. */
  readonly uncovered: readonly { readonly name: string; readonly why: string }[];
  readonly timing: RolloutTiming;
  /** Told of what happens. Absent: nobody is. */
  readonly webhooks?: readonly WebhookSpec[];
  /** Absent: one wave of all hosts by `ramp`, at any time, without budgets. */
  readonly shape?: RolloutShape;
  /** As it was ordered, so that it can be planned again. Absent: an older version kept no order. */
  readonly order?: OrderedAs;
}

/** What a person ordered, beside what the plan has of it. */
export interface OrderedAs {
  /** As typed; not looked at where there is a file. */
  readonly serial: string;
  /** Text of the rollout's file; empty: none. */
  readonly rolloutFile: string;
  /** Of flags and file together. */
  readonly filter: Filter;
  /** Absent: patterns looked at the whole fleet. */
  readonly scope?: Scope;
}

/** What a rollout's file says beyond flags, as integers over the fleet of the plan. */
export interface RolloutShape {
  /** Every host of the plan is in exactly one. */
  readonly waves: readonly Wave[];
  readonly budgets: readonly Budget[];
  readonly hours: Hours;
  /** Of the hosts that have ended, from the tenth on; null: not looked at. */
  readonly maxFailPercent: number | null;
  /** No host done for so long: stop. Milliseconds; null: not looked at. */
  readonly progressDeadlineMs: number | null;
  /** What becomes of a host that is away before its turn for longer than `unreachableAfterMs`. Absent: `wait`. */
  readonly unreachable?: "wait" | "skip" | "fail";
  /** Absent: hosts are left in service, and their own proof is all. */
  readonly care?: Care;
}

export interface RolloutHostPlan {
  readonly hostId: string;
  readonly name: string;
  readonly digest: string;
  readonly steps: readonly StepRef[];
  /** Steps of its own plan that are left on purpose. Absent: none. */
  readonly leave?: readonly StepRef[];
  /** Expected residue, for people. */
  readonly residue: readonly string[];
  /** Release of the kernel that a reboot of it would start, as planned; null: not known. */
  readonly expectedKernel: string | null;
  /** Release that ran when it was planned; null: not known. */
  readonly runningKernel: string | null;
  /** The controller runs on it. */
  readonly holdsController: boolean;
}

/** All durations in milliseconds. */
export interface RolloutTiming {
  /** A permit is void when the host has not begun within this time. */
  readonly beginWithinMs: number;
  /** From begin to result on the host; the host stops by itself at it. */
  readonly deadlineMs: number;
  /** How long after the deadline a silent host becomes `unreachable`, and how long a pending host may be away. */
  readonly unreachableAfterMs: number;
  readonly graceMs: number;
  readonly settleMs: number;
}

/** One host in the fold. */
export interface HostInRollout {
  readonly hostId: string;
  readonly name: string;
  readonly state: HostState;
  readonly reason: string;
  readonly steps: readonly StepResult[];
  readonly residue: readonly string[];
  readonly changedAt: number;
  /** Permits so far; a void one and one that was vetoed count. */
  readonly permits: number;
  /** How many of them its own rules held off. */
  readonly vetoes: number;
  /** While it is `vetoed`: when it may be tried again. */
  readonly againAt: number | null;
  /** While it is `written-off`: it had failed, which writing it off does not undo. */
  readonly failedBefore?: boolean;
  /** What the controller does to it beside its permits. */
  readonly care: HostCare;
  /** The permit it holds or has used; null before the first, and after one that was void or vetoed. */
  readonly permit: {
    readonly id: string;
    readonly bootId: string;
    readonly epoch: number;
    /** When it was issued, of the clock that people read. */
    readonly at: number;
    readonly beginBy: number;
    readonly endBy: number;
    /** Its work was seen: a host that knows nothing of it any more has lost its memory, not its work. */
    readonly isBegun: boolean;
  } | null;
}

export interface EndedWave {
  readonly bakeUntil: number;
  /** Null: nobody has approved of it. */
  readonly approvedBy: string | null;
}

/** A rollout as its events have made it. */
export interface RolloutView {
  readonly plan: RolloutPlan;
  readonly state: RolloutState;
  readonly why: string;
  /** A person asked to end it: it will be `aborted`, not `halted`. */
  readonly isAborting: boolean;
  readonly hosts: readonly HostInRollout[];
  /** Waves that have ended, by name. */
  readonly ended: Readonly<Record<string, EndedWave>>;
  /** When it ended, by the clock that people read; null: it has not. */
  readonly endedAt: number | null;
  /** Number of events folded. */
  readonly version: number;
}

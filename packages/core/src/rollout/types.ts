import type { AfterCare, Baseline, Care, HostCare } from "./care.ts";
import type { Budget } from "./budgets.ts";
import type { Hours } from "./hours.ts";
import type { Wave } from "./waves.ts";
import type { Filter } from "../plan/filter.ts";
import type { WebhookSpec } from "../rollout-file/spec.ts";
import type { RebootOrder } from "../plan/reboot.ts";
import type { ProgressState } from "../session.ts";

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

/** What the controller does to a host beside its permits. */
export type CareEvent =
  /** In hand: what has to hold before it is touched is looked at, or, where nothing has to, it is drained. */
  | { readonly type: "taken"; readonly at: number; readonly hostId: string; readonly phase: "checking" | "draining" }
  /** What had to hold does; it is drained now. */
  | {
      readonly type: "drain-begun";
      readonly at: number;
      readonly hostId: string;
      readonly baseline: Baseline | null;
    }
  /** It may be permitted. */
  | { readonly type: "ready"; readonly at: number; readonly hostId: string; readonly baseline: Baseline | null }
  /** What it has shown is believed; checks and the way back into service come now. */
  | {
      readonly type: "proved";
      readonly at: number;
      readonly hostId: string;
      readonly permitId: string;
      readonly state: "done" | "done-with-residue";
      readonly steps: readonly StepResult[];
      readonly residue: readonly string[];
    }
  | { readonly type: "undrain-begun"; readonly at: number; readonly hostId: string; readonly outcome: AfterCare }
  /** The controller is done with it. `isDrained`: it is out of service still. */
  | {
      readonly type: "left";
      readonly at: number;
      readonly hostId: string;
      readonly outcome: AfterCare;
      readonly isDrained: boolean;
    };

/** Everything that can happen to a rollout. `at` is the controller's clock, epoch milliseconds. */
export type RolloutEvent =
  | CareEvent
  | { readonly type: "started"; readonly at: number }
  /** It waited for hosts that another rollout held, and was planned anew before it began. */
  | { readonly type: "replanned"; readonly at: number; readonly plan: RolloutPlan }
  /** The plan has nothing to do on this host. */
  | {
      readonly type: "nothing-to-do";
      readonly at: number;
      readonly hostId: string;
      readonly residue: readonly string[];
    }
  | {
      readonly type: "permitted";
      readonly at: number;
      readonly hostId: string;
      readonly permitId: string;
      readonly bootId: string;
      readonly epoch: number;
      /** Absolute times of the controller's clock; the permit itself carries durations. */
      readonly beginBy: number;
      readonly endBy: number;
    }
  /** The permit was never begun and never will be: the host is pending again. */
  | {
      readonly type: "permit-void";
      readonly at: number;
      readonly hostId: string;
      readonly permitId: string;
      readonly why: string;
    }
  | {
      readonly type: "progress";
      readonly at: number;
      readonly hostId: string;
      readonly permitId: string;
      readonly state: ProgressState;
      readonly steps: readonly StepResult[];
    }
  | {
      readonly type: "ended";
      readonly at: number;
      readonly hostId: string;
      readonly permitId: string;
      readonly state: "done" | "done-with-residue" | "failed";
      readonly reason: string;
      readonly steps: readonly StepResult[];
      readonly residue: readonly string[];
    }
  /** The host's own rules held all of it off: nothing was done. The permit is used up. */
  | {
      readonly type: "vetoed";
      readonly at: number;
      readonly hostId: string;
      readonly permitId: string;
      /** Code and words of the host. */
      readonly why: string;
      readonly steps: readonly StepResult[];
      /** Not before this is it tried again; of the clock that deadlines of permits are on. */
      readonly againAt: number;
    }
  /** A host that vetoed may be permitted anew. */
  | { readonly type: "tried-again"; readonly at: number; readonly hostId: string }
  | { readonly type: "unreachable"; readonly at: number; readonly hostId: string; readonly why: string }
  /** A person expects nothing of it any more, and it is not charged: also after the rollout has ended. */
  | {
      readonly type: "written-off";
      readonly at: number;
      readonly hostId: string;
      readonly actor: string;
      readonly why: string;
    }
  /** Nothing is done to it in this rollout, whatever it needs. */
  | { readonly type: "skipped"; readonly at: number; readonly hostId: string; readonly why: string }
  /** Away before it was permitted, and back while the rollout is open. */
  | { readonly type: "returned"; readonly at: number; readonly hostId: string }
  | { readonly type: "stopping"; readonly at: number; readonly why: string }
  | { readonly type: "abort-requested"; readonly at: number; readonly actor: string; readonly why: string }
  /** A person holds it: hosts in hand finish, no other begins. */
  | { readonly type: "paused"; readonly at: number; readonly actor: string; readonly why: string }
  | { readonly type: "resumed"; readonly at: number; readonly actor: string }
  /** All hosts of a wave are at rest. `bakeUntil` is of the clock that deadlines of permits are on. */
  | { readonly type: "wave-ended"; readonly at: number; readonly wave: string; readonly bakeUntil: number }
  /** Nothing goes on before somebody approves of a wave. */
  | { readonly type: "gate"; readonly at: number; readonly why: string }
  /** The waves after this one may begin. */
  | { readonly type: "approved"; readonly at: number; readonly wave: string; readonly actor: string }
  /** No host may begin at this time. */
  | { readonly type: "window-closed"; readonly at: number; readonly why: string }
  | { readonly type: "window-opened"; readonly at: number }
  | {
      readonly type: "closed";
      readonly at: number;
      readonly state: "halted" | "aborted" | "finished";
      readonly why: string;
    };

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

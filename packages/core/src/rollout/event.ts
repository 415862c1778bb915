import type { ProgressState } from "../session.ts";
import type { AfterCare, Baseline } from "./care.ts";
import type { RolloutPlan, StepResult } from "./types.ts";

/** The scan of a host that its end was judged by, as the host described it. */
export interface ProofRef {
  readonly digest: string;
  readonly scannedAt: number;
  readonly bootId: string;
  readonly kernel: string;
  /** How many it still had. */
  readonly findings: number;
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
      /** Absent: an older version did not keep it. */
      readonly proof?: ProofRef;
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
      /** Absent: there was none, or an older version did not keep it. */
      readonly proof?: ProofRef;
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

import type { CheckSpec, HookSpec } from "../rollout-file/spec.ts";
import type { HostInRollout, HostState, RolloutPlan, RolloutView } from "./types.ts";

// What the controller does around a host's own work: it looks whether the host may be touched, takes it out of service,
// and after the host's proof looks whether it is healthy and puts it back. Every phase is an event before it begins; one
// that was cut off by the controller's end begins anew, so that hooks may run more than once.

export interface Care {
  /** Have to hold before a host is touched. */
  readonly before: readonly CheckSpec[];
  /** Takes the host out of service; null: nothing does. There is one exactly where there is an `undrain`. */
  readonly drain: HookSpec | null;
  /** Have to hold after the host's own proof. */
  readonly after: readonly CheckSpec[];
  readonly undrain: HookSpec | null;
}

const NO_CARE: Care = { before: [], drain: null, after: [], undrain: null };

export function careOf({ shape }: RolloutPlan): Care {
  return shape?.care ?? NO_CARE;
}

/** `ready` waits for its permit; in all others the controller is busy with the host. */
export type Phase = "checking" | "draining" | "ready" | "health" | "undraining";

/** Units and ports of a host before it was touched. */
export interface Baseline {
  readonly failedUnits: readonly string[];
  /** `tcp 0.0.0.0:443` */
  readonly ports: readonly string[];
}

/** What a host becomes when it has been put back into service. */
export interface AfterCare {
  readonly state: Extract<HostState, "pending" | "vetoed" | "skipped" | "done" | "done-with-residue" | "failed">;
  readonly reason: string;
  /** Of `vetoed`: not before this is it tried again. */
  readonly againAt: number | null;
  /** A hook of it failed, and that stops the rollout. */
  readonly isStop: boolean;
  /** Of `vetoed`: others of its wave come first. Absent: it was not for that. */
  readonly comesLast?: Last;
}

/** Why others of its wave come before a host: its check says that it leads, or cannot tell. */
export type Last = "leads" | "unknown";

export interface HostCare {
  /** Null: the controller does nothing to it now. */
  readonly phase: Phase | null;
  /** Its drain was begun, and no undrain has ended well since: it serves nobody as far as is known. */
  readonly isDrained: boolean;
  readonly baseline: Baseline | null;
  /** While it is put back into service: what comes then; after its proof: what it has shown. */
  readonly outcome: AfterCare | null;
  /** How often what has to hold before it is touched did not. */
  readonly heldOff: number;
  /** When it was looked at last, others of its wave were to come first; null: they were not. */
  readonly comesLast: Last | null;
  /** Why the whole rollout is to stop; null: it is not. */
  readonly stops: string | null;
}

export const UNTOUCHED: HostCare = {
  phase: null,
  isDrained: false,
  baseline: null,
  outcome: null,
  heldOff: 0,
  comesLast: null,
  stops: null,
};

/** The phase in which a host is taken in hand; null: it gets its permit at once. */
export function firstPhase(plan: RolloutPlan, hostId: string): "checking" | "draining" | null {
  const { before, drain, after } = careOf(plan);
  if (leaderCheck(plan, hostId) !== null || before.length > 0 || after.some(({ probe }) => probe.kind === "baseline"))
    return "checking";
  return drain === null ? null : "draining";
}

/** The check of its own that tells whether it leads, where leaders of its wave come last; else null. */
export function leaderCheck({ shape }: RolloutPlan, hostId: string): string | null {
  return shape?.waves.find(({ hostIds }) => hostIds.includes(hostId))?.leaderLast ?? null;
}

/** Its proof is not all: checks come after it, or it has to be put back into service. */
export function isCaredFor(plan: RolloutPlan, { isDrained }: HostCare): boolean {
  return careOf(plan).after.length > 0 || isDrained;
}

/** The controller is busy with it, or will be: its permit's deadline no longer means anything. */
export function isInCare({ care }: HostInRollout): boolean {
  return care.phase !== null;
}

/** May get its permit now. */
export function isReady({ care }: HostInRollout): boolean {
  return care.phase === "ready";
}

/** Of hosts that are out of service though nothing will be done to them for now; each goes back to what it was. */
export function idleDrained(view: RolloutView): readonly { readonly hostId: string; readonly outcome: AfterCare }[] {
  return view.hosts.flatMap(({ hostId, state, reason, againAt, care }) => {
    const isIdle = (state === "vetoed" || state === "pending") && care.isDrained;
    return isIdle ? [{ hostId, outcome: { state, reason, againAt, isStop: false } }] : [];
  });
}

/** A host that was got ready, and is not wanted after all. */
export const GIVEN_BACK: AfterCare = { state: "pending", reason: "", againAt: null, isStop: false };

/** Decides that. */
export function givenBack({ hostId }: HostInRollout) {
  return { kind: "give-back", hostId, outcome: GIVEN_BACK } as const;
}

/** Hosts that only lack their permit. */
export function readyHosts({ hosts }: RolloutView): readonly HostInRollout[] {
  return hosts.filter(isReady);
}

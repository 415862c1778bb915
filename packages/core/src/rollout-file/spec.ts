import type { Ramp, RampStep } from "../fleet/ramp.ts";
import type { RebootOrder } from "../plan/reboot.ts";
import type { Command, Verb, Window } from "../policy/types.ts";
import type { WEBHOOK_EVENTS } from "./file.ts";

// A rollout's file understood: durations in milliseconds, defaults filled in, patterns as typed.

export interface RolloutSpec {
  readonly name: string | null;
  readonly reason: string | null;
  readonly select: string | null;
  readonly actions: Actions;
  /** At least one. */
  readonly waves: readonly WaveSpec[];
  readonly budgets: readonly BudgetSpec[];
  readonly stop: StopSpec;
  readonly hooks: { readonly drain: HookSpec | null; readonly undrain: HookSpec | null };
  readonly health: { readonly before: readonly CheckSpec[]; readonly after: readonly CheckSpec[] };
  readonly timing: TimingSpec;
  /** Always where there is none. */
  readonly windows: readonly WindowSpec[];
  readonly freeze: readonly FreezeSpec[];
  readonly unreachable: UnreachableSpec;
  readonly webhooks: readonly WebhookSpec[];
}

export interface Actions {
  /** Null: all that are automatic. */
  readonly only: readonly Verb[] | null;
  readonly never: readonly string[];
  readonly packages: readonly string[];
  readonly libraries: readonly string[];
  readonly units: readonly string[];
  readonly cves: readonly string[];
  readonly reboot: RebootOrder;
  readonly allowNew: boolean;
}

export interface WaveSpec {
  readonly name: string;
  /** Null: all hosts that no wave before it has. */
  readonly select: string | null;
  readonly pick: { readonly per: readonly string[]; readonly count: number } | null;
  readonly ramp: Ramp;
  readonly mode: "slide" | "batch";
  /** Names of earlier waves. */
  readonly after: readonly string[];
  readonly bakeMs: number;
  readonly isApproved: boolean;
  /** Not by the author of the rollout. Absent: by anybody who may. */
  readonly isBySecondPerson?: boolean;
  /** Name of a check of the hosts' own. */
  readonly leaderLast: string | null;
  /** Keys of labels by whose values hosts are sorted, smallest group first; then by the seed. */
  readonly by: readonly string[];
}

/** So many hosts of a group, as typed: `3` or `10%`. */
export type Size = RampStep | { readonly kind: "none" };

export interface BudgetSpec {
  /** Null: the hosts of `select` are one group. */
  readonly by: string | null;
  /** Null: the whole fleet, selected for the rollout or not. */
  readonly select: string | null;
  readonly limit:
    | { readonly kind: "unavailable"; readonly size: Size }
    | { readonly kind: "groups"; readonly most: number }
    | { readonly kind: "quorum" };
  readonly acceptOutage: boolean;
}

/** As `maxFailures`: only the percentage stops. More than any fleet has hosts. */
export const UNCOUNTED = 1_000_000;

export interface StopSpec {
  readonly maxFailures: number;
  /** Of the hosts that have ended; null: not looked at. */
  readonly maxFailuresPercent: number | null;
  readonly progressDeadlineMs: number | null;
}

export interface HookSpec {
  readonly command: Command;
  readonly timeoutMs: number;
  readonly onFail: "skip-host" | "fail-host" | "stop";
}

export interface CheckSpec {
  readonly name: string;
  readonly probe: Probe;
  readonly forMs: number;
  readonly timeoutMs: number;
}

export type Probe =
  /** `host` may be `{host}`. */
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  | { readonly kind: "http"; readonly url: string; readonly expect: number; readonly contains: string | null }
  | { readonly kind: "unit"; readonly unit: string }
  | { readonly kind: "check"; readonly check: string }
  | { readonly kind: "command"; readonly command: Command }
  | { readonly kind: "prometheus"; readonly url: string; readonly query: string; readonly onError: "block" | "pass" }
  | { readonly kind: "baseline"; readonly units: boolean; readonly ports: boolean };

export interface TimingSpec {
  readonly beginWithinMs: number;
  readonly deadlineMs: number;
  readonly graceMs: number;
  readonly settleMs: number;
}

export interface WindowSpec extends Window {
  /** Before the end of the window; null: as long as hosts took before. */
  readonly lastStartMs: number | null;
}

/** From the first instant, until but without the second, epoch milliseconds. */
export interface FreezeSpec {
  readonly from: number;
  readonly until: number;
  readonly reason: string;
}

export type UnreachableSpec =
  | { readonly kind: "wait"; readonly ms: number }
  | { readonly kind: "skip" }
  | { readonly kind: "fail" };

export interface WebhookSpec {
  readonly url: string;
  readonly on: readonly (typeof WEBHOOK_EVENTS)[number][];
}

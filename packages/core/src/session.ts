import type { NamedUnit } from "./plan/ordered.ts";
import type { RebootOrder } from "./plan/reboot.ts";
import type { StepRef, StepResult } from "./rollout/types.ts";

// What an agent and its controller say to each other on their stream; proto/afterpatch/v1/agent.proto is the reference.

/** One scan on its way to the controller. */
export interface ScanReport {
  readonly digest: string;
  readonly scannedAt: number;
  readonly bootId: string;
  readonly os: string;
  readonly kernel: string;
  readonly findings: FindingCounts;
  /** Null: unknown. */
  readonly reboot: boolean | null;
  /** Processes that the agent could not look at: what they run is unknown. */
  readonly unreadable: number;
  /** Why the agent's file is invalid, so that nothing is done on the host; null: it is valid, or there is none. */
  readonly configError: string | null;
  /** How long the scan took; absent where an older agent does not say. */
  readonly scanMs?: number;
  /** gzip of `afterpatch.scan/v1`; empty when only the digest is sent. */
  readonly body: Uint8Array;
}

/** Why a report was made: the agent started, it was due, packages changed, it was asked for, or something was just applied. */
export type ReportReason = "boot" | "schedule" | "package-change" | "request" | "after-apply";

export interface FindingCounts {
  readonly service: number;
  readonly "xinetd-session": number;
  readonly application: number;
  readonly kernel: number;
  readonly microcode: number;
}

/** Single-use leave for one host to carry out its plan. Durations in milliseconds from its arrival. */
export interface Permit {
  readonly permitId: string;
  readonly rolloutId: string;
  readonly hostId: string;
  readonly bootId: string;
  readonly epoch: number;
  readonly planDigest: string;
  readonly steps: readonly StepRef[];
  readonly beginWithinMs: number;
  readonly deadlineMs: number;
  readonly graceMs: number;
  readonly settleMs: number;
  readonly allowNew: boolean;
  /** A person wants the units of its steps restarted whether anything of them is old or not. Absent: nobody does. */
  readonly isOrdered?: boolean;
  readonly reboot: RebootOrder;
  /** Steps of the host's own plan that are left on purpose. Absent: none. */
  readonly leave?: readonly StepRef[];
}

export interface PermitOutcome {
  readonly result: "verified" | "failed" | "refused" | "stale";
  readonly code: string;
  readonly message: string;
  readonly residue: readonly string[];
  /** Null when nothing was done. */
  readonly proof: ScanReport | null;
}

/** `returning`: the host goes down, or is back and not yet seen to be whole. */
export type ProgressState = "acting" | "returning" | "settling" | "verifying";

/** Where a permit stands on its host. */
export type PermitUpdate =
  | {
      readonly permitId: string;
      readonly state: ProgressState;
      readonly steps: readonly StepResult[];
    }
  | {
      readonly permitId: string;
      readonly state: "finished";
      readonly steps: readonly StepResult[];
      readonly outcome: PermitOutcome;
    };

/**
 * A question about a host that changes nothing there. `unit`: it is active; `check`: one of the agent's own file; `units`:
 * services that run and that a glob names.
 */
export type HostProbe =
  | { readonly kind: "unit" | "check" | "units"; readonly name: string }
  | { readonly kind: "snapshot" };

export interface ProbeAnswer {
  /** Why it does not hold, or cannot be told; null: it holds, or the snapshot is whole. */
  readonly why: string | null;
  /** Of a snapshot: units that have failed, and where services can be reached (`tcp 22`); else empty. */
  readonly failedUnits: readonly string[];
  readonly ports: readonly string[];
  /** Of `units`; else empty. */
  readonly units: readonly NamedUnit[];
}

export type ToAgent =
  | {
      readonly kind: "welcome";
      readonly epoch: number;
      readonly controllerVersion: string;
      readonly now: number;
      readonly reportIntervalMs: number;
      /** Where the controller's audit log stands; absent: not said. */
      readonly auditHead?: string;
    }
  | { readonly kind: "report-ack"; readonly digest: string; readonly sendBody: boolean }
  | { readonly kind: "scan"; readonly requestId: string }
  | { readonly kind: "permit"; readonly permit: Permit }
  | { readonly kind: "permit-ack"; readonly permitId: string }
  | { readonly kind: "probe"; readonly requestId: string; readonly probe: HostProbe; readonly timeoutMs: number };

export type FromAgent =
  | {
      readonly kind: "hello";
      readonly agentVersion: string;
      readonly bootId: string;
      /** Of the Welcome this answers; already on the agent's disk. */
      readonly epoch: number;
      /** Begun or finished, and not acknowledged as finished. What is not listed was never begun and never will be. */
      readonly permits: readonly PermitUpdate[];
      /** Random, of this process of the agent; absent: not said. */
      readonly instanceId?: string;
    }
  /** `requestId` of the scan this answers, else empty. Without `reason`: not said, or one that this version does not know. */
  | {
      readonly kind: "report";
      readonly report: ScanReport;
      readonly requestId: string;
      readonly reason?: ReportReason;
    }
  | { readonly kind: "permit-update"; readonly update: PermitUpdate }
  | { readonly kind: "scan-failed"; readonly requestId: string; readonly why: string }
  | { readonly kind: "probe-result"; readonly requestId: string; readonly answer: ProbeAnswer };

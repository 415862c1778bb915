import type { RebootOrder } from "@afterpatch/core/plan/reboot";
import type { StepRef, StepResult } from "@afterpatch/core/rollout/types";
import type { Scan } from "@afterpatch/core/scan";

// Everything of the agent that touches the outside is passed in through these, so that the simulator can replace it.

export interface Clock {
  /** Epoch milliseconds; for display and records only, never for a decision. */
  now(): number;
  /** Milliseconds since boot, time asleep included (CLOCK_BOOTTIME): comparable between two runs of the agent in one boot. */
  sinceBootMs(): number;
  /** Rejects with the signal's reason when aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** A JSON value that the machine took before an effect and compares after it: InvocationID, start ticks, mapped inodes. */
export type Evidence = Readonly<Record<string, unknown>>;

export interface PerformOptions {
  /** Between TERM and KILL. */
  readonly graceMs: number;
  readonly signal: AbortSignal;
  /** Asked before the effect where a step had to wait for it: why it must not begin any more, or null. Absent: nobody is. */
  readonly obstacle?: () => Promise<string | null>;
  /** A process before this one was killed when it had begun the same. Absent: no. */
  readonly isRepeated?: true;
  /** Of a reboot: how. */
  readonly reboot?: RebootOrder;
}

/** What an effect came to. `detail` is one sentence for people. */
export interface Performed {
  readonly outcome: "done" | "failed" | "vetoed" | "skipped";
  readonly detail: string;
}

/** The host: read by `scan`, `evidence`, `compare`, `busy`; changed by `perform` alone. */
export interface Machine {
  /** /proc/sys/kernel/random/boot_id */
  bootId(): string;
  scan(signal: AbortSignal): Promise<Scan>;
  /** Why nothing may be done now (a package manager holds its lock), or null. */
  busy(): Promise<string | null>;
  /** Taken before the effect of a step of the order `op`; must survive JSON. */
  evidence(step: StepRef, op?: string): Promise<Evidence>;
  perform(step: StepRef, before: Evidence, options: PerformOptions): Promise<Performed>;
  /**
   * After a crash: did the effect of this step happen since `before` was taken? Waits for one that is under way; what may
   * have been told to end has `graceMs` for it. Who waits for the host to go down throws LeftOpen when `signal` aborts.
   */
  happened(step: StepRef, before: Evidence, graceMs?: number, signal?: AbortSignal): Promise<"yes" | "no">;
  /** After the settle time: is the step's target as it must be (unit active under one new InvocationID, ...)? Null, or what is wrong. */
  settled(step: StepRef, before: Evidence): Promise<string | null>;
  /** Of a step that failed: what its target logged since `before`, the last lines, fit to be shown. Empty where nobody logs. */
  lastWords(step: StepRef, before: Evidence): Promise<readonly string[]>;
  readonly reboots: Reboots;
}

/** What a reboot needs around its step. `perform` of that step ends with the host, or says why it did not go down. */
export interface Reboots {
  /** Why the host must not be rebooted now, or cannot be, whatever the agent's file says. What cannot be told is a reason. */
  veto(order: RebootOrder): Promise<RebootVeto | null>;
  /** Tells the people who are logged in. Where nobody can be told that is no reason against it. */
  tell(text: string): Promise<void>;
  /** From now on a person may cancel it. Nothing changes for one that is announced already, or was cancelled. */
  announce(waiting: WaitingReboot): void;
  /** Who cancelled it, as a sentence, or null. */
  cancelled(op: string): string | null;
  /** From now on nobody can cancel it any more. False: it was cancelled. */
  claim(op: string): boolean;
  /** Nothing waits any more. What cannot be taken away misleads nobody for long: a boot does it. */
  forget(): void;
  state(): Promise<HostState>;
  /** After a boot: services that are started by it are still on their way. */
  isStarting(): Promise<boolean>;
}

export interface RebootVeto {
  readonly code: /** A person has scheduled a shutdown, or the host is going down. */
    | "scheduled-shutdown"
    /** What the boot loader would start is not there, or nobody knows. */
    | "boot-files"
    /** Not on this host, or not by this method. */
    | "impossible";
  readonly message: string;
}

/** A reboot that gives people time. */
export interface WaitingReboot {
  readonly op: string;
  /** Epoch milliseconds; for display. */
  readonly dueAt: number;
  readonly method: RebootOrder["method"];
  readonly message: string;
}

/** What a reboot is proved by: taken before it and again when the host is back. */
export type HostState = {
  readonly bootId: string;
  /** How often user space alone was started anew since (SoftRebootsCount of systemd); null where nobody counts. */
  readonly softReboots: number | null;
  /** `uname -r` and `uname -v`. */
  readonly release: string;
  readonly build: string;
  /** Null where the init system knows no such thing. */
  readonly failedUnits: readonly string[] | null;
  /** Where services can be reached, like `tcp 22`, sorted. */
  readonly ports: readonly string[];
};

/** Evidence before a reboot. */
export type RebootEvidence = HostState & {
  /** Release that comes up next; null: nobody knows, and the running one has to come back. */
  readonly expected: string | null;
  /** What comes up next is another build of the running release. */
  readonly isRebuilt: boolean;
};

/** One line of the journal. Instants are epoch ms, `sinceBootMs` counts from boot. */
export type JournalRecord =
  | { readonly type: "epoch"; readonly epoch: number }
  | {
      readonly type: "begun";
      /** Permit id, or a random id for a local order. */
      readonly op: string;
      readonly order: Order;
      readonly bootId: string;
      readonly at: number;
      readonly sinceBootMs: number;
      /** Refused: begun and ended in one record, so that no crash in between can leave it to be resumed. */
      readonly refused?: Ending;
    }
  | OrderRecord;

/** What happened to an order after it was begun. */
export type OrderRecord =
  /** Fsynced before the effect. `attempt` is 1, or 2 when recovery found that the first had no effect. */
  | {
      readonly type: "intent";
      readonly op: string;
      readonly step: StepRef;
      readonly before: Evidence;
      readonly attempt: number;
      readonly at: number;
    }
  /** `code` of the ending that it leads to, where that is not `step-failed`. */
  | { readonly type: "outcome"; readonly op: string; readonly result: StepResult; readonly code?: string }
  /** People were told of a reboot, and the time that they have runs from here. */
  | { readonly type: "announced"; readonly op: string; readonly at: number; readonly sinceBootMs: number }
  /** The host is back from the reboot whose intent stands before. Another boot than this one is none of ours. */
  | {
      readonly type: "booted";
      readonly op: string;
      readonly bootId: string;
      readonly softReboots: number | null;
      readonly at: number;
      readonly sinceBootMs: number;
    }
  | { readonly type: "ended"; readonly op: string; readonly ending: Ending; readonly at: number }
  /** The controller has stored the ending, or the person who gave the order was told it. */
  | { readonly type: "acknowledged"; readonly op: string };

/** What was ordered, by a permit or by a person on this host. */
export interface Order {
  readonly from:
    | { readonly kind: "local" }
    | { readonly kind: "permit"; readonly rolloutId: string; readonly epoch: number };
  readonly steps: readonly StepRef[];
  /** No step begins when this many milliseconds have passed since `begun`. */
  readonly deadlineMs: number;
  readonly graceMs: number;
  readonly settleMs: number;
  /** Carry out remedies that a fresh scan finds beyond `steps` too. */
  readonly allowNew: boolean;
  /** Absent, in journals of before there was such a thing: the host is not rebooted. */
  readonly reboot?: RebootOrder;
  /** Steps of the plan that were deliberately not ordered (`--only`): nobody touches them, and they make nothing stale. */
  readonly leave?: readonly StepRef[];
  /** Its units are restarted whether anything of them is old or not: a person wants that. Absent: nobody does. */
  readonly isOrdered?: boolean;
}

/** How an order ended. Nothing was done when `result` is `refused` or `stale`. */
export interface Ending {
  readonly result: "verified" | "failed" | "refused" | "stale";
  /** Machine-readable reason, see `PermitOutcome.code`; empty when verified. */
  readonly code: string;
  readonly message: string;
  readonly residue: readonly string[];
}

/** Append-only; `append` resolves when the record is on the disk (fdatasync). A failed sync is fatal: the caller exits. */
export interface Journal {
  records(): readonly JournalRecord[];
  append(record: JournalRecord): Promise<void>;
}

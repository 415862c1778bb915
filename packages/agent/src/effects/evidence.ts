import type { Evidence } from "../ports.ts";
import { StepError } from "./error.ts";
import type { ProcessRef } from "./processes.ts";

// Evidence comes back from the journal as JSON: each kind of step reads its own and trusts nothing else.

export type UnitEvidence = {
  readonly invocationId: string;
  readonly nRestarts: number | null;
  readonly activeState: string;
  readonly subState: string;
  readonly mainPid: number;
  /** How many processes the unit had. */
  readonly processes: number;
  readonly ports: readonly string[];
};

export type SessionEvidence = {
  /** What the super-server started, per session. */
  readonly sessions: readonly ProcessRef[];
  /** The processes that run old code, for which the sessions are ended. */
  readonly old: readonly ProcessRef[];
};

export type ReexecEvidence = {
  /** Executable mappings of PID 1, `RANGE DEVICE INODE`: an exec moves them, even to the same file. */
  readonly mappings: readonly string[];
};

export function unitEvidence(evidence: Evidence): UnitEvidence {
  const { invocationId, nRestarts, activeState, subState, mainPid, processes, ports } = evidence;
  if (
    typeof invocationId === "string" &&
    (typeof nRestarts === "number" || nRestarts === null) &&
    typeof activeState === "string" &&
    typeof subState === "string" &&
    typeof mainPid === "number" &&
    typeof processes === "number" &&
    isStrings(ports)
  ) {
    return { invocationId, nRestarts, activeState, subState, mainPid, processes, ports };
  }
  throw unusable();
}

export function sessionEvidence({ sessions, old }: Evidence): SessionEvidence {
  if (isProcesses(sessions) && isProcesses(old)) return { sessions, old };
  throw unusable();
}

export function reexecEvidence({ mappings }: Evidence): ReexecEvidence {
  if (isStrings(mappings)) return { mappings };
  throw unusable();
}

function isStrings(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((entry) => typeof entry === "string");
}

function isProcesses(value: unknown): value is readonly ProcessRef[] {
  return Array.isArray(value) && value.every(isProcess);
}

function isProcess(value: unknown): value is ProcessRef {
  if (typeof value !== "object" || value === null || !("pid" in value) || !("startTicks" in value)) return false;
  return Number.isSafeInteger(value.pid) && Number.isSafeInteger(value.startTicks);
}

function unusable(): StepError {
  return new StepError("unreadable", "the evidence in the journal is not of this kind of step");
}

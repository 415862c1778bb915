import type { Evidence } from "../ports.ts";
import { StepError } from "./error.ts";
import type { ProcessRef } from "./processes.ts";

// Evidence comes back from the journal as JSON: each kind of step reads its own and trusts nothing else.

/** A unit before it is restarted. */
export type UnitThen = {
  readonly invocationId: string;
  readonly activeState: string;
  readonly subState: string;
  readonly mainPid: number;
  readonly killMode: string;
  /** Who was in its control group; of a very large one not all. */
  readonly processes: readonly ProcessRef[];
  /** Where those could be reached whom the restart ends. */
  readonly ports: readonly string[];
};

export type UnitEvidence = UnitThen & {
  /** Epoch milliseconds; for the lines that the unit logs from then on. */
  readonly takenAt: number;
  /** The units that systemd restarts along with it, by name. */
  readonly along: readonly (UnitThen & { readonly unit: string })[];
};

export type SessionEvidence = {
  /** What the super-server started, per session. */
  readonly sessions: readonly ProcessRef[];
  /** Everybody else in them, whatever they run: who outlives its session is ended all the same. Of many not all. */
  readonly members: readonly SessionMember[];
  /** The processes that run old code, for which the sessions are ended. */
  readonly old: readonly ProcessRef[];
  /** Of an `Accept=yes` socket: the units of the connections, whose processes are `sessions`. Else empty. */
  readonly instances: readonly AcceptedInstance[];
};

export type SessionMember = ProcessRef & {
  /** Of setsid(2), and where systemd has it (see session/group.ts): whoever changes one of them has left its session. */
  readonly sid: number;
  readonly group: string;
};

export type AcceptedInstance = {
  readonly unit: string;
  readonly invocationId: string;
};

export type ReexecEvidence = {
  /** PID 1, or the manager of a user. */
  readonly process: ProcessRef;
  /** Its executable mappings, `RANGE DEVICE INODE`: an exec moves them, even to the same file. */
  readonly mappings: readonly string[];
};

export type ScriptEvidence = {
  /** The processes of the service that run old code. */
  readonly old: readonly ProcessRef[];
  /** What they run: whoever runs one of these after the restart is of the service. */
  readonly ran: readonly ProgramRun[];
  /** Where they could be reached. */
  readonly ports: readonly string[];
  /** When this was taken, in clock ticks since boot: whoever was started later is new. */
  readonly sinceTicks: number;
};

/** A program, run by a user. */
export type ProgramRun = {
  readonly program: string;
  /** Real user id. */
  readonly uid: number;
  /** Of an interpreter: SHA-256 of the name of what it runs; of any other program null. */
  readonly script: string | null;
};

/** What one user runs of an application. */
export type UserInstances = {
  readonly uid: number;
  readonly user: string;
  /** Those that run old code. */
  readonly old: readonly ProcessRef[];
  /** Paths of the programs of those that none of the others started. */
  readonly programs: readonly string[];
};

export type ApplicationEvidence = {
  readonly users: readonly UserInstances[];
  /** When this was taken, in clock ticks since boot: whoever was started later is new. */
  readonly sinceTicks: number;
  /** The same in epoch milliseconds; for the lines that are logged from then on. */
  readonly takenAt: number;
};

export function unitEvidence(evidence: Evidence): UnitEvidence {
  const { takenAt, along } = evidence;
  if (typeof takenAt !== "number" || !Array.isArray(along)) throw unusable();
  return { ...unitThen(evidence), takenAt, along: along.map(namedUnit) };
}

function namedUnit(value: unknown): UnitThen & { readonly unit: string } {
  if (typeof value !== "object" || value === null || !("unit" in value) || typeof value.unit !== "string")
    throw unusable();
  return { ...unitThen({ ...value }), unit: value.unit };
}

function unitThen(evidence: Evidence): UnitThen {
  const { invocationId, activeState, subState, mainPid, killMode, processes, ports } = evidence;
  if (
    typeof invocationId === "string" &&
    typeof activeState === "string" &&
    typeof subState === "string" &&
    typeof mainPid === "number" &&
    typeof killMode === "string" &&
    isProcesses(processes) &&
    isStrings(ports)
  ) {
    return { invocationId, activeState, subState, mainPid, killMode, processes, ports };
  }
  throw unusable();
}

export function sessionEvidence({ sessions, members = [], old, instances = [] }: Evidence): SessionEvidence {
  if (isProcesses(sessions) && isMembers(members) && isProcesses(old) && isInstances(instances))
    return { sessions, members, old, instances };
  throw unusable();
}

function isMembers(value: unknown): value is readonly SessionMember[] {
  return isProcesses(value) && value.every((one) => "sid" in one && "group" in one && isMember(one.sid, one.group));
}

function isMember(sid: unknown, group: unknown): boolean {
  return Number.isSafeInteger(sid) && typeof group === "string";
}

function isInstances(value: unknown): value is readonly AcceptedInstance[] {
  return Array.isArray(value) && value.every((entry) => isStrings([entry?.unit, entry?.invocationId]));
}

export function scriptEvidence({ old, ran, ports, sinceTicks }: Evidence): ScriptEvidence {
  if (!isProcesses(old) || !Array.isArray(ran) || !isStrings(ports) || typeof sinceTicks !== "number") throw unusable();
  return { old, ran: ran.map(programRun), ports, sinceTicks };
}

function programRun(value: unknown): ProgramRun {
  if (typeof value !== "object" || value === null) throw unusable();
  const { program, uid, script }: Evidence = { ...value };
  if (typeof program !== "string" || typeof uid !== "number") throw unusable();
  if (script !== null && typeof script !== "string") throw unusable();
  return { program, uid, script };
}

export function applicationEvidence({ users, sinceTicks, takenAt }: Evidence): ApplicationEvidence {
  if (!Array.isArray(users) || typeof sinceTicks !== "number" || typeof takenAt !== "number") throw unusable();
  return { users: users.map(userInstances), sinceTicks, takenAt };
}

function userInstances(value: unknown): UserInstances {
  if (typeof value !== "object" || value === null) throw unusable();
  const { uid, user, old, programs }: Evidence = { ...value };
  if (typeof uid !== "number" || typeof user !== "string" || !isProcesses(old) || !isStrings(programs))
    throw unusable();
  return { uid, user, old, programs };
}

export function reexecEvidence({ process, mappings }: Evidence): ReexecEvidence {
  if (isProcess(process) && isStrings(mappings)) return { process, mappings };
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

import { type HostIndex, lineage } from "../detect/host.ts";
import { isLoginServer } from "../detect/session.ts";
import type { ProcessFacts } from "../facts.ts";

/** Programs that start one service each, or many, and start it again whenever it ends. */
export const SUPERVISORS = ["runit", "s6", "supervisord"] as const;
export type Supervisor = (typeof SUPERVISORS)[number];

/** A service that a supervisor of root's keeps, whatever PID 1 is. */
export interface SupervisedService {
  readonly manager: Supervisor;
  /** What its supervisor calls it: the service directory's name, `NAME/log` of its logger, `GROUP:PROCESS` of supervisord. */
  readonly name: string;
  /** The process that the supervisor started for it. */
  readonly pid: number;
  /** The supervisor's own process. */
  readonly supervisor: number;
}

export function isSupervisor(manager: string | null): manager is Supervisor {
  return SUPERVISORS.some((one) => one === manager);
}

/** What a step calls such a service: `runit:web`. A unit's name ends in its type, a script's has no colon. */
export function supervisedTarget({ manager, name }: Pick<SupervisedService, "manager" | "name">): string {
  return `${manager}:${name}`;
}

/** Null: the target is no supervised service. */
export function parseSupervisedTarget(target: string): Pick<SupervisedService, "manager" | "name"> | null {
  const colon = target.indexOf(":");
  const [manager, name] = [target.slice(0, Math.max(0, colon)), target.slice(colon + 1)];
  return isSupervisor(manager) && name !== "" ? { manager, name } : null;
}

// What waits for a job has its runner's program, and a restart of the runner leaves it to PID 1.
const JOB_RUNNER = /\/(?:cron|crond|atd)$/;

/**
 * The service that a process belongs to: it is what the supervisor started, or was started by it and left neither its
 * session, setsid(2), nor its program. Logins and jobs leave both, or are told by their server.
 */
export function supervisedService(process: ProcessFacts, host: HostIndex): SupervisedService | null {
  const services = host.facts.supervised ?? [];
  if (services.length === 0) return null;
  for (const relative of lineage(process, host)) {
    const service = services.find(({ pid, supervisor }) => pid === relative.pid && supervisor === relative.ppid);
    if (service) return isPart(process, relative) ? service : null;
  }
  return null;
}

function isPart(process: ProcessFacts, main: ProcessFacts): boolean {
  if (process.pid === main.pid) return true;
  if (JOB_RUNNER.test(main.executable)) return false;
  if (process.sid === main.sid) return true;
  return process.executable === main.executable && !isLoginServer(main.executable);
}

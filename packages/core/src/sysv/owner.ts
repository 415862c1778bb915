import { type HostIndex, lineage } from "../detect/host.ts";
import type { ProcessFacts } from "../facts.ts";

/** A SysV service of a host without systemd: its init script, and what is known of its processes. */
export interface SysvService {
  /** Name of the script, as service(8) takes it. */
  readonly name: string;
  /** Programs that the script names. */
  readonly programs: readonly string[];
  /** Programs among those of the running processes that the script's package ships. */
  readonly packaged: readonly string[];
  readonly pidFiles: readonly PidFile[];
}

export interface PidFile {
  readonly path: string;
  readonly pid: number;
  /** Epoch milliseconds. */
  readonly writtenAt: number;
  /** A process of this number was there. */
  readonly alive: boolean;
}

/** How a process was told to belong to a service, strongest first. */
export type SysvRule = "control-group" | "pid-file" | "ancestor" | "program" | "package";

export interface SysvOwner {
  readonly name: string;
  readonly rule: SysvRule;
  /** One clause: the evidence. */
  readonly because: string;
}

/** The SysV service that a process belongs to, and by which rule. */
export function sysvService(process: ProcessFacts, host: HostIndex): SysvOwner | null {
  const services = host.facts.sysv;
  if (services.length === 0) return null;
  const group = host.facts.openrc ? openrcGroup(process.cgroup) : null;
  if (group !== null && services.some(({ name }) => name === group))
    return { name: group, rule: "control-group", because: `OpenRC put it into a control group of this name` };
  const own = byPidFile(process, services);
  if (own) return { name: own.service.name, rule: "pid-file", because: `${own.file.path} names its pid` };
  const top = lineage(process, host).findLast(({ pid, sid }) => pid > 1 && sid === process.sid);
  // Only within one session: cron's jobs, logins and sessions of super-servers have one of their own.
  const above = top && top !== process && !JOB_RUNNER.test(top.executable) ? byPidFile(top, services) : null;
  if (top && above) {
    const because = `${above.file.path} names the pid of its ancestor ${top.pid}`;
    return { name: above.service.name, rule: "ancestor", because };
  }
  return byProgram(process, services);
}

/** OpenRC's own hierarchy of cgroups v1, and its groups in v2; of those that it was told to make (rc_cgroup_mode). */
function openrcGroup(cgroup: string | null): string | null {
  return /^(?:[0-9]+:name=openrc:\/|0::\/openrc\.)([^/\n]+)/m.exec(cgroup ?? "")?.[1] ?? null;
}

// What waits for a job has the session and the program of its runner, and a restart of the runner leaves it to PID 1.
const JOB_RUNNER = /\/(?:cron|crond|atd)$/;

const SLACK_MS = 2000;

function byPidFile(process: ProcessFacts, services: readonly SysvService[]) {
  for (const service of services) {
    const isItsOwn = service.programs.includes(process.executable) || service.packaged.includes(process.executable);
    // A number that was given to another process since proves nothing: that one would have started after the file was written.
    const file = service.pidFiles.find(
      ({ pid, writtenAt }) => pid === process.pid && process.startedAt <= writtenAt + SLACK_MS,
    );
    if (isItsOwn && file) return { service, file };
  }
  return null;
}

function byProgram(process: ProcessFacts, services: readonly SysvService[]): SysvOwner | null {
  const { executable, ppid, pid } = process;
  // A restart replaces what the script started, not what a person, cron or an earlier run of the service left.
  const candidates = services.filter(({ pidFiles }) => !pidFiles.some((file) => file.alive && file.pid !== pid));
  if (ppid !== 1) return null;
  const rules: readonly [SysvRule, readonly SysvService[], string][] = [
    ["program", candidates.filter(({ programs }) => programs.includes(executable)), "its script names this program"],
    [
      "package",
      candidates.filter(({ packaged }) => packaged.includes(executable)),
      "the package that ships its script ships this program",
    ],
  ];
  for (const [rule, [only, ...more], because] of rules) {
    if (only && more.length === 0) return { name: only.name, rule, because };
  }
  return null;
}

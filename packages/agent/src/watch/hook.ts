import { parseStat } from "@afterpatch/core/proc/stat";
import { visible } from "@afterpatch/core/text";
import { lockHolder } from "../effects/package-lock.ts";
import { readProc, readRecord, codeOf } from "../host/read.ts";

/** Set by dpkg for the scripts of packages and for its own hooks, see dpkg(1), and by apt for its hooks, see apt.conf(5). */
const VARIABLES = ["DPKG_MAINTSCRIPT_NAME", "DPKG_RUNNING_VERSION", "DPKG_HOOK_ACTION", "APT_HOOK_INFO_FD"];

/** As /proc/PID/stat names them: 15 characters at most. */
const MANAGERS = new Set([
  ...["dpkg", "apt", "apt-get", "aptitude", "aptitude-curses", "unattended-upgr"],
  ...[
    "rpm",
    "dnf",
    "dnf-3",
    "dnf5",
    "dnf-automatic",
    "dnf5daemon-serv",
    "yum",
    "yum-cron",
    "microdnf",
    "tdnf",
    "zypper",
  ],
  ...["packagekitd", "pacman", "apk"],
]);

export interface Ancestor {
  readonly pid: number;
  readonly comm: string;
}

/** Which package manager has started this process, from within an upgrade; null: none has. */
export function packageHook(): string | null {
  return hookOf(readProc("/proc/self/environ"), ancestors(process.ppid), lockHolder()?.pid ?? null);
}

/** `environment` is the text of /proc/PID/environ, `lockedBy` who holds a package manager's lock. */
export function hookOf(environment: string, above: readonly Ancestor[], lockedBy: number | null): string | null {
  const manager = above.find(({ pid, comm }) => MANAGERS.has(comm) || pid === lockedBy);
  if (manager) return `${visible(manager.comm)}, pid ${manager.pid}`;
  const names = environment.split("\0").map((entry) => entry.split("=", 1)[0] ?? "");
  const variable = VARIABLES.find((name) => names.includes(name));
  return variable === undefined ? null : `${variable} is set`; // it has gone on since, and we were left behind
}

/** The parent first. */
function ancestors(parent: number): readonly Ancestor[] {
  const found: Ancestor[] = [];
  const asked = new Set<number>();
  for (let pid = parent; pid > 0 && !asked.has(pid); ) {
    asked.add(pid);
    const stat = statOf(pid);
    if (!stat) break;
    found.push({ pid, comm: stat.comm });
    pid = stat.ppid;
  }
  return found;
}

function statOf(pid: number) {
  try {
    return parseStat(readRecord(`/proc/${pid}/stat`));
  } catch (error) {
    codeOf(error); // ended in the meantime, and its children were given to another
    return null;
  }
}

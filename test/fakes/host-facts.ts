import type { HostFacts, ProcessFacts } from "@afterpatch/core/facts";
import type { UnitFacts } from "@afterpatch/core/systemd/show";

// Facts of a small host with systemd, as the tests of what is judged begin with.

const HERE = "pid:[1]";

export function process(pid: number, cgroup: string, more: Partial<ProcessFacts> = {}): ProcessFacts {
  return {
    pid,
    ppid: 1,
    sid: pid,
    startTicks: 1,
    startedAt: 0,
    user: "root",
    executable: "/usr/sbin/served",
    argv: [],
    cgroup: `0::${cgroup}\n`,
    pidNamespace: HERE,
    sockets: [],
    files: [0],
    ...more,
  };
}

export function unit(id: string, more: Partial<UnitFacts> = {}): UnitFacts {
  return {
    id,
    loadState: "loaded",
    activeState: "active",
    type: "simple",
    killMode: "control-group",
    mainPid: 10,
    refuseManualStart: false,
    refuseManualStop: false,
    triggeredBy: [],
    accept: false,
    ...more,
  };
}

export function factsOf(running: readonly ProcessFacts[], units: readonly UnitFacts[]): HostFacts {
  return {
    host: { id: null, name: "h", bootId: "b", os: "o", kernel: "k" },
    startedAt: 0,
    elapsedMs: 0,
    pidNamespace: HERE,
    systemd: true,
    initCgroup: "0::/init.scope\n",
    processes: { seen: 1, scanned: 1, vanished: 0, unreadable: 0 },
    unreadable: [],
    files: [],
    running,
    units,
    unitsUnreadable: null,
    xinetd: [],
    sysv: [],
  };
}

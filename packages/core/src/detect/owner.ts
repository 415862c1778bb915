import type { ProcessFacts } from "../facts.ts";
import type { Owner } from "../scan.ts";
import { type CgroupOwner, cgroupOwner, ownPath } from "../systemd/cgroup.ts";
import { acceptingSocket, type UnitFacts } from "../systemd/show.ts";
import { supervisedService } from "../supervised/owner.ts";
import { sysvService } from "../sysv/owner.ts";
import { byName, containerOf } from "./container.ts";
import type { HostIndex } from "./host.ts";
import { guestOf } from "./guest.ts";
import { sessionService, superServerUnit } from "./session.ts";

/**
 * Units in which the agent launches applications by the rules of its file (`launchUnit`). systemd only keeps them apart
 * from the agent: how they are halted and launched the next time says the rule again, so they stay applications.
 */
const LAUNCH_UNIT = "afterpatch-application-";

/** The transient unit for what the rule `rule` launches as `uid`; `launch` tells one launch from another. */
export function launchUnit(rule: string, uid: number, launch: number): string {
  return `${LAUNCH_UNIT}${rule}-${uid}-${launch}.service`;
}

function isLaunchUnit(unit: string): boolean {
  return unit.startsWith(LAUNCH_UNIT) && unit.endsWith(".service");
}

/** What has to be relaunched to replace a process. The order of the questions matters. */
export function ownerOf(process: ProcessFacts, host: HostIndex): Owner {
  const { pidNamespace, systemd, initCgroup } = host.facts;
  const path = ownPath(process.cgroup, initCgroup);
  // First: seen from the host, the cgroup path of a container's process can look like that of a host's unit.
  if (process.pidNamespace === null || process.pidNamespace !== pidNamespace) {
    return { kind: "container", manager: null, name: containerOf(process, path, host) };
  }
  if (process.pid === 1)
    return { kind: "init", manager: systemd ? "systemd" : null, name: systemd ? "systemd" : "init" };
  const group = path === null ? null : cgroupOwner(path);
  if (group?.kind === "container") return { kind: "container", manager: null, name: byName(group.name, host) };
  const session = sessionService(process, host);
  if (session) return { kind: "xinetd-session", manager: session.manager, name: session.id };
  const guest = guestOf(process);
  if (guest !== null) return { kind: "virtual-machine", manager: null, name: guest };
  const supervised = supervisedService(process, host);
  if (supervised) return { kind: "service", manager: supervised.manager, name: supervised.name };
  if (leftBehindBy(process, host)) return { kind: "application", manager: null, name: process.executable };
  const owner = systemd ? groupOwner(group, host) : sysvOwner(process, host);
  return owner ?? { kind: "application", manager: null, name: process.executable };
}

/**
 * The unit in whose control group a process is though a restart of that unit leaves it running: systemd stops the main
 * process alone (KillMode=process, systemd.kill(5)), as of cron, whose jobs are not cron. Super-servers have rules of
 * their own.
 */
export function leftBehindBy(process: ProcessFacts, { facts, units }: HostIndex): UnitFacts | null {
  const path = facts.systemd ? ownPath(process.cgroup, facts.initCgroup) : null;
  const group = path === null ? null : cgroupOwner(path);
  const unit = group?.kind === "unit" ? units.get(group.unit) : undefined;
  if (!unit || (unit.killMode !== "process" && unit.killMode !== "none")) return null;
  if (unit.mainPid === undefined || unit.mainPid === process.pid || superServerUnit(unit.id) !== null) return null;
  return unit;
}

function sysvOwner(process: ProcessFacts, host: HostIndex): Owner | null {
  const service = sysvService(process, host);
  return service ? { kind: "service", manager: host.facts.openrc ? "openrc" : "sysv", name: service.name } : null;
}

function groupOwner(group: CgroupOwner | null, { units }: HostIndex): Owner | null {
  switch (group?.kind) {
    case "user-unit": {
      const name = group.unit === null ? group.manager : `${group.manager}/${group.unit}`;
      return { kind: "service", manager: "systemd", name };
    }
    case "session":
      return { kind: "user-session", manager: "systemd", name: group.scope };
    case "unit": {
      // A scope has no program of its own that systemd could start again.
      if (group.unit.endsWith(".scope") || isLaunchUnit(group.unit)) return null;
      const isAccepted = acceptingSocket(group.unit, units) !== null;
      return { kind: isAccepted ? "socket-session" : "service", manager: "systemd", name: group.unit };
    }
    case "container":
      return { kind: "container", manager: null, name: group.name };
    case "init": // a fork of PID 1 that has not become a unit's program yet
    case undefined:
      return null;
  }
}

import type { ProcessFacts } from "../facts.ts";
import type { Owner } from "../scan.ts";
import { type CgroupOwner, cgroupOwner, containerName, ownPath } from "../systemd/cgroup.ts";
import type { XinetdService } from "../xinetd/config.ts";
import { isXinetd, serviceOfSockets } from "../xinetd/match.ts";
import { type HostIndex, lineage } from "./host.ts";

/** What has to be relaunched to replace a process. The order of the questions matters. */
export function ownerOf(process: ProcessFacts, host: HostIndex): Owner {
  const { pidNamespace, systemd, initCgroup } = host.facts;
  const path = ownPath(process.cgroup, initCgroup);
  // First: seen from the host, the cgroup path of a container's process can look like that of a host's unit.
  if (process.pidNamespace === null || process.pidNamespace !== pidNamespace) {
    const name = path === null ? null : containerName(path);
    return { kind: "container", manager: null, name: name ?? process.pidNamespace ?? process.executable };
  }
  if (process.pid === 1)
    return { kind: "init", manager: systemd ? "systemd" : null, name: systemd ? "systemd" : "init" };
  const group = path === null ? null : cgroupOwner(path);
  if (group?.kind === "container") return { kind: "container", manager: null, name: group.name };
  const session = xinetdSession(process, host);
  if (session) return { kind: "xinetd-session", manager: "xinetd", name: session.id };
  return (systemd ? groupOwner(group, host) : null) ?? { kind: "application", manager: null, name: process.executable };
}

/** The xinetd service whose session this process is or belongs to: by its own socket, its session leader's, its ancestors'. */
export function xinetdSession(process: ProcessFacts, host: HostIndex): XinetdService | null {
  // A service that is switched off may have sessions left, but its port may also be another manager's by now.
  const services = isBelowXinetd(process, host)
    ? host.facts.xinetd
    : host.facts.xinetd.filter(({ enabled }) => enabled);
  if (services.length === 0 || isLoggedIn(process, host)) return null;
  const leader = host.byPid.get(process.sid);
  const relatives = [process, ...(leader ? [leader] : []), ...lineage(process, host).slice(1)];
  for (const relative of relatives) {
    // Below xinetd's own process there is nothing of a session left to climb to.
    if (relative !== process && isXinetd(relative.executable) && !isXinetd(process.executable)) break;
    if (relative !== process && isXinetd(process.executable)) break;
    const service = serviceOfSockets(relative, services);
    if (service) return service;
  }
  return startedProgram(process, host);
}

function isBelowXinetd(process: ProcessFacts, host: HostIndex): boolean {
  const path = ownPath(process.cgroup, host.facts.initCgroup);
  const group = path === null ? null : cgroupOwner(path);
  const isInItsUnit = group?.kind === "unit" && group.unit === "xinetd.service";
  return isInItsUnit || lineage(process, host).some(({ executable }) => isXinetd(executable));
}

/** Services without a fixed port (RPC, TCPMUX): by program, for a child of xinetd only. */
function startedProgram(process: ProcessFacts, host: HostIndex): XinetdService | null {
  const parent = host.byPid.get(process.ppid);
  if (!parent || !isXinetd(parent.executable) || isXinetd(process.executable)) return null;
  const candidates = host.facts.xinetd.filter(({ port, server }) => port === null && server === process.executable);
  return candidates.length === 1 ? (candidates[0] ?? null) : null;
}

/** login(1) has moved the shell of a telnet session to a login session of its own: that one is asked, not ended. */
function isLoggedIn({ cgroup }: ProcessFacts, { facts }: HostIndex): boolean {
  const path = ownPath(cgroup, facts.initCgroup);
  const group = path === null ? null : cgroupOwner(path);
  return group?.kind === "session" || group?.kind === "user-unit";
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
      if (group.unit.endsWith(".scope")) return null;
      const isAccepted = units.get(group.unit)?.triggeredBy.some((socket) => units.get(socket)?.accept === true);
      return { kind: isAccepted ? "socket-session" : "service", manager: "systemd", name: group.unit };
    }
    case "container":
      return { kind: "container", manager: null, name: group.name };
    case "init": // a fork of PID 1 that has not become a unit's program yet
    case undefined:
      return null;
  }
}

import { type HostIndex, lineage } from "../detect/host.ts";
import type { ProcessFacts, SocketFacts } from "../facts.ts";
import type { Owner } from "../scan.ts";
import { supervisedService } from "../supervised/owner.ts";
import { sysvService } from "../sysv/owner.ts";
import { ownPath } from "../systemd/cgroup.ts";

/** By which fact a process was given to its owner: one sentence. Says what `ownerOf` went by, and decides nothing. */
export function ownerRule(process: ProcessFacts, owner: Owner, host: HostIndex): string {
  const path = ownPath(process.cgroup, host.facts.initCgroup);
  switch (owner.kind) {
    case "container":
      return containerRule(process, path, host);
    case "init":
      return "It is PID 1.";
    case "xinetd-session":
      return sessionRule(process, owner, host);
    case "socket-session":
      return `Its control group ${path ?? "?"} is a unit that systemd started for one connection of a socket with Accept=yes.`;
    case "user-session":
      return `Its control group ${path ?? "?"} is a login session's.`;
    case "service":
      return serviceRule(process, owner, path, host);
    case "virtual-machine":
      return `Its program ${process.executable} emulates the machine ${owner.name}.`;
    case "kernel":
      return "It is the kernel.";
    case "application":
      return applicationRule(process, path, host);
  }
}

function containerRule({ pidNamespace }: ProcessFacts, path: string | null, { facts }: HostIndex): string {
  if (pidNamespace === null) return "Its PID namespace could not be read, so it is not taken for the host's own.";
  if (pidNamespace !== facts.pidNamespace)
    return `Its PID namespace ${pidNamespace} is not this host's (${facts.pidNamespace ?? "unknown"}).`;
  return `Its control group ${path ?? "?"} is a container's.`;
}

function sessionRule(process: ProcessFacts, owner: Owner, host: HostIndex): string {
  const leader = host.byPid.get(process.sid);
  const relatives = [process, ...(leader ? [leader] : []), ...lineage(process, host).slice(1)];
  for (const relative of relatives) {
    const socket = relative.sockets.find(({ fd }) => fd === 0) ?? relative.sockets.find(({ listening }) => !listening);
    if (!socket) continue;
    const whose = relative === process ? "Its" : `The`;
    const of = relative === process ? "" : ` of process ${relative.pid}, to which it belongs,`;
    return `${whose} standard input${of} is ${shown(socket)}, the port of the service ${owner.name}.`;
  }
  return `Its parent process ${process.ppid} is ${owner.manager ?? "a super-server"} and its program is the server of ${owner.name}.`;
}

function shown({ protocol, localAddress, localPort }: SocketFacts): string {
  return `a socket of ${localAddress.includes(":") ? `[${localAddress}]` : localAddress}:${localPort}/${protocol}`;
}

function serviceRule(process: ProcessFacts, { manager, name }: Owner, path: string | null, host: HostIndex): string {
  if (manager === "systemd" && path !== null) return `Its control group ${path} is the unit ${name}.`;
  const supervised = supervisedService(process, host);
  if (supervised) return `${supervised.manager} (pid ${supervised.supervisor}) started its process ${supervised.pid}.`;
  const sysv = manager === "sysv" || manager === "openrc" ? sysvService(process, host) : null;
  if (sysv) return `It is of the init script ${name}: ${sysv.because}.`;
  const { ppid, sid } = process;
  return `${manager ?? "A manager"} calls it ${name} (parent process ${ppid}, session ${sid}, control group ${path ?? "unknown"}).`;
}

function applicationRule({ ppid }: ProcessFacts, path: string | null, host: HostIndex): string {
  const parent = host.byPid.get(ppid);
  const from = parent ? `process ${ppid} (${parent.executable}) started it` : `its parent is process ${ppid}`;
  const group = host.facts.systemd
    ? `; its control group ${path ?? "is unknown and"} ${path === null ? "names" : "is"} no unit`
    : "";
  return `No service manager, super-server or container has it: ${from}${group}.`;
}

import type { ProcessFacts } from "../facts.ts";
import { cgroupOwner, ownPath } from "../systemd/cgroup.ts";
import { acceptingSocket } from "../systemd/show.ts";
import type { XinetdService } from "../xinetd/config.ts";
import { serviceOfSockets, superServer } from "../xinetd/match.ts";
import { type HostIndex, lineage } from "./host.ts";

type Manager = XinetdService["manager"];

/** The super-server's service whose session this process is or belongs to: by its own socket, its session leader's, its ancestors'. */
export function sessionService(process: ProcessFacts, host: HostIndex): XinetdService | null {
  const services = servicesFor(process, host);
  if (services.length === 0 || isAccepted(process, host) || isLoggedIn(process, host)) return null;
  // A fork that serves a connection with the super-server's own code, or the super-server itself: nobody else is asked.
  if (superServer(process.executable)) return isFork(process, host) ? serviceOfSockets(process, services) : null;
  const leader = host.byPid.get(process.sid);
  const relatives = [process, ...(leader ? [leader] : []), ...lineage(process, host).slice(1)];
  for (const relative of relatives) {
    // Below the super-server's own process there is nothing of a session left to climb to.
    if (superServer(relative.executable)) break;
    const service = serviceOfSockets(relative, services) ?? configuredProgram(relative, services, host);
    if (service) return service;
  }
  return startedProgram(process, host);
}

/**
 * A service that is switched off may have sessions left, but its port may also be another manager's by now: it counts
 * for what is below its super-server only. What belongs to nobody's unit is matched with every service that is on.
 */
function servicesFor(process: ProcessFacts, host: HostIndex): readonly XinetdService[] {
  const above = superServerAbove(process, host);
  return host.facts.xinetd.filter(({ manager, enabled }) => (above === null ? enabled : manager === above));
}

const UNITS: ReadonlyMap<string, Manager> = new Map([
  ["xinetd.service", "xinetd"],
  ["inetd.service", "inetd"],
  ["openbsd-inetd.service", "inetd"],
  ["inetutils-inetd.service", "inetd"],
  ["rlinetd.service", "inetd"],
]);

/** Which super-server a unit is, or null. */
export function superServerUnit(unit: string): Manager | null {
  return UNITS.get(unit) ?? null;
}

/** systemd started it for one connection, on a port that a super-server may be configured for as well. */
function isAccepted(process: ProcessFacts, { facts, units }: HostIndex): boolean {
  const path = facts.systemd ? ownPath(process.cgroup, facts.initCgroup) : null;
  const group = path === null ? null : cgroupOwner(path);
  return group?.kind === "unit" && acceptingSocket(group.unit, units) !== null;
}

function superServerAbove(process: ProcessFacts, host: HostIndex): Manager | null {
  const path = ownPath(process.cgroup, host.facts.initCgroup);
  const group = path === null ? null : cgroupOwner(path);
  const ofUnit = group?.kind === "unit" ? superServerUnit(group.unit) : null;
  if (ofUnit) return ofUnit;
  for (const { executable } of lineage(process, host)) {
    const manager = superServer(executable);
    if (manager) return manager;
  }
  return null;
}

/**
 * Whether a process that runs the super-server's program was forked for one connection: it has neither a program nor a
 * session id of its own. The super-server holds sockets that do not listen as well, one for each service of datagrams.
 */
function isFork({ pid, ppid, sid }: ProcessFacts, { byPid }: HostIndex): boolean {
  const parent = byPid.get(ppid);
  return (parent !== undefined && superServer(parent.executable) !== null) || (ppid === 1 && sid !== pid);
}

/** Serves logins without login(1), and takes its connection away from standard input when it was started for one. */
export function isLoginServer(executable: string): boolean {
  return /\/(?:sshd|sshd-session|dropbear)$/.test(executable);
}

/** The configured program itself, which has moved its connection away from standard input, as sshd -i does. */
function configuredProgram(
  { executable, ppid, sockets }: ProcessFacts,
  services: readonly XinetdService[],
  { byPid }: HostIndex,
): XinetdService | null {
  if (ppid !== 1 && superServer(byPid.get(ppid)?.executable ?? "") === null) return null;
  const isOn = ({ protocol, port }: XinetdService) =>
    sockets.some((socket) => !socket.listening && socket.protocol === protocol && socket.localPort === port);
  return services.find((service) => service.server === executable && isOn(service)) ?? null;
}

/** Services without a fixed port (RPC, TCPMUX): by program, for a child of the super-server only. */
function startedProgram(process: ProcessFacts, host: HostIndex): XinetdService | null {
  const manager = superServer(host.byPid.get(process.ppid)?.executable ?? "");
  const candidates = host.facts.xinetd.filter(
    (service) => service.manager === manager && service.port === null && service.server === process.executable,
  );
  return candidates.length === 1 ? (candidates[0] ?? null) : null;
}

/**
 * login(1) has moved the shell of a telnet session to a login session of its own: that one is asked, not ended. Without
 * systemd it stays where it is, and so does the rule.
 */
function isLoggedIn(process: ProcessFacts, host: HostIndex): boolean {
  const { facts } = host;
  if (!facts.systemd) return lineage(process, host).some(({ executable }) => executable.endsWith("/login"));
  const path = ownPath(process.cgroup, facts.initCgroup);
  const group = path === null ? null : cgroupOwner(path);
  return group?.kind === "session" || group?.kind === "user-unit";
}

import type { ProcessFacts } from "../facts.ts";
import { type RestartRule, restartRule, userRestartRule } from "../plan/never.ts";
import { isAgentService } from "../plan/order.ts";
import { REBOOT } from "../plan/reboot.ts";
import type { Owner, Remedy, Verdict } from "../scan.ts";
import { acceptingSocket, restartedAlong, type UnitFacts } from "../systemd/show.ts";
import { isSupervisor, type Supervisor, supervisedTarget } from "../supervised/owner.ts";
import { sysvService } from "../sysv/owner.ts";
import { superServer } from "../xinetd/match.ts";
import { containerReason, hostPartReason } from "./container-reason.ts";
import type { HostIndex } from "./host.ts";
import { leftBehindBy } from "./owner.ts";
import { sessionRemedy } from "./session-remedy.ts";
import { superServerUnit } from "./session.ts";

/** What is known of a finding when its remedy is chosen. */
export interface Judged {
  readonly owner: Owner;
  readonly process: ProcessFacts;
  readonly verdict: Verdict;
  /** The program itself is gone from the disk: nothing can start it again. */
  readonly programRemoved: boolean;
  /** Why the verdict is `unknown`. */
  readonly unknown: string | null;
}

/** The smallest sufficient action for the owner, and whether the tool may do it by itself. */
export function remedyOf(judged: Judged, host: HostIndex): Remedy {
  const remedy = wanted(judged, host);
  if (judged.verdict !== "unknown") return remedy;
  const reason = `Not known to run old code, so nothing is done: ${judged.unknown ?? "its files could not be compared"}.`;
  return { ...remedy, automatic: false, reason };
}

function wanted(judged: Judged, host: HostIndex): Remedy {
  const { owner, process } = judged;
  switch (owner.kind) {
    case "xinetd-session":
    case "socket-session":
      return sessionRemedy(owner, process, host, (parent, itself) =>
        wanted({ ...judged, owner: parent, process: itself }, host),
      );
    case "init":
      return reexec(judged, host);
    case "service":
      if (owner.manager === "sysv" || owner.manager === "openrc") return restartSysv(judged, host);
      if (isSupervisor(owner.manager)) return restartSupervised(judged, owner.manager, host);
      if (/^user@[0-9]+\.service$/.test(owner.name)) return userManager(judged, host);
      return restart(judged, host);
    case "user-session":
      return ask(
        owner,
        `It belongs to a login session; ask whoever is logged in there (loginctl session-status ${sessionOf(owner)}) to log out and in again`,
      );
    case "container":
      return ask(owner, containerReason(process, host));
    case "application":
      return ask(
        owner,
        hostPartReason(process, host) ??
          stranded(process, host) ??
          `No service manager owns it; ask ${process.user}, who runs it, to halt and launch it again`,
      );
    case "virtual-machine":
      return ask(
        owner,
        "Its emulator stays the old one until the guest is shut off and started again, or moved to another host; ask the guest's owner",
      );
    case "kernel":
      return ask(owner, "This version has no action for it");
  }
}

/** Why a process in a unit's control group is not the unit's to replace. */
function stranded(process: ProcessFacts, host: HostIndex): string | null {
  const unit = leftBehindBy(process, host);
  if (!unit) return null;
  return `A restart of ${unit.id} leaves it running (KillMode=${unit.killMode}); ask ${process.user}, who runs it, to halt and launch it again`;
}

function ask(owner: Owner, reason: string): Remedy {
  return { kind: "none", target: owner.name, automatic: false, reason: `${reason}.` };
}

function sessionOf({ name }: Owner): string {
  return /^session-(.+)\.scope$/.exec(name)?.[1] ?? name;
}

/** The manager of a user, or what it keeps beside itself. */
function userManager({ owner: { name }, process }: Judged, { units }: HostIndex): Remedy {
  const uid = /[0-9]+/.exec(name)?.[0] ?? "?";
  const mainPid = units.get(name)?.mainPid;
  if (mainPid === process.pid) {
    const reason = `The manager of the user with uid ${uid} replaces itself in place and keeps its units; none is touched.`;
    return { kind: "reexec", target: name, automatic: true, reason };
  }
  const reason =
    mainPid === process.ppid
      ? `It holds the login of the user with uid ${uid} open, (sd-pam) beside their manager, and ends when they are logged out`
      : `It belongs to the manager of the user with uid ${uid}, which could not be told from it; it ends when they are logged out`;
  return { kind: "none", target: name, automatic: false, reason: `${reason}.` };
}

/** What is never restarted by itself and need not wait for a person either; `rebootable` says whether it is automatic. */
function reboot({ owner, programRemoved }: Judged, why: string): Remedy {
  const never = `${owner.name} is never restarted: ${why}`;
  if (programRemoved) return ask(owner, `${never}; and its program is no longer on the disk: install it again`);
  return { ...REBOOT, automatic: false, reason: `${never}. A reboot replaces it.` };
}

function reexec({ owner, process: { executable }, programRemoved }: Judged, { facts }: HostIndex): Remedy {
  if (programRemoved) {
    return ask(
      owner,
      `The program of PID 1, ${executable}, is no longer on the disk: it could not replace itself, and this host might not start again: install it again`,
    );
  }
  // sysvinit does so by telinit(8); its program is called init, and no link to another one's (BusyBox, OpenRC, runit).
  const isKnown = facts.systemd || /^(?:\/usr)?\/sbin\/init$/.test(executable);
  if (isKnown) {
    const reason = "PID 1 replaces itself in place and keeps its state; no service is touched.";
    return { kind: "reexec", target: "init", automatic: true, reason };
  }
  const reason = "PID 1 is neither systemd nor sysvinit and how it replaces itself is not known; a reboot replaces it.";
  return { ...REBOOT, automatic: false, reason };
}

function restartSysv(judged: Judged, host: HostIndex): Remedy {
  const { name } = judged.owner;
  const { process, programRemoved } = judged;
  const rule = restartRule(name);
  if (rule?.policy === "reboot") return reboot(judged, rule.why);
  const told = sysvService(process, host);
  const evidence = told ? ` It was told by this: ${told.because}.` : "";
  const before = waitingServers(superServer(process.executable), host).map((sentence) => ` ${sentence}`);
  const base = { kind: "restart-service", target: name } as const;
  if (rule?.policy === "never") return { ...base, automatic: false, reason: `Never: ${rule.why}.${evidence}` };
  if (programRemoved) {
    const reason = `Its program is no longer on the disk: after a restart ${name} might not run at all; install it again or stop the service.`;
    return { ...base, automatic: false, reason: reason + evidence };
  }
  if (rule) return { ...base, automatic: false, reason: `Only on request: ${rule.why}.${evidence}`, onRequest: true };
  const why = REPLACES[Number(isAgentService(name))];
  return { ...base, automatic: true, reason: `${why}${before.join("")}${evidence}` };
}

/** Of runit, s6 and supervisord: each has a client of its own, and none knows of dependencies. */
function restartSupervised(judged: Judged, manager: Supervisor, host: HostIndex): Remedy {
  const { owner, process, programRemoved } = judged;
  const { name } = owner;
  const rule = restartRule(name);
  if (rule?.policy === "reboot") return reboot(judged, rule.why);
  const base = { kind: "restart-service", target: supervisedTarget({ manager, name }) } as const;
  if (rule?.policy === "never") return { ...base, automatic: false, reason: `Never: ${rule.why}.` };
  if (programRemoved) {
    const reason = `Its program is no longer on the disk: after a restart ${name} might not run at all; install it again or stop the service.`;
    return { ...base, automatic: false, reason };
  }
  if (rule) return { ...base, automatic: false, reason: `Only on request: ${rule.why}.`, onRequest: true };
  const before = waitingServers(superServer(process.executable), host).map((sentence) => ` ${sentence}`);
  return { ...base, automatic: true, reason: `${REPLACES[0]} ${manager} keeps it.${before.join("")}` };
}

function restart(judged: Judged, host: HostIndex): Remedy {
  const { name } = judged.owner;
  const rule = ruleFor(name);
  if (rule?.policy === "reboot") return reboot(judged, rule.why);
  const unit = host.units.get(name);
  const along = restartedAlong(name, host.units);
  const base = { kind: "restart-service", target: name, ...(along.length > 0 ? { takesAlong: along } : {}) } as const;
  const whyNot = forbidden(judged, along, host);
  if (whyNot?.policy === "reboot") return reboot(judged, whyNot.why);
  if (whyNot === null || whyNot.policy === "ask") {
    const why = whyNot ? `Only on request: ${whyNot.why}.` : REPLACES[Number(isAgentService(name))];
    const reason = [why, ...consequences(judged, unit, along, host)].join(" ");
    return { ...base, automatic: whyNot === null, reason, ...(whyNot ? { onRequest: true } : {}) };
  }
  return { ...base, automatic: false, reason: whyNot.why };
}

const REPLACES = [
  "A program in memory stays the old one until its service is stopped and started.",
  "The agent comes last of all: its restart ends the one who restarts it, and its journal says where the next one goes on.",
] as const;

/** What a restart ends, what it leaves, and what it takes along. */
function consequences(
  { owner: { name } }: Judged,
  unit: UnitFacts | undefined,
  along: readonly string[],
  host: HostIndex,
): readonly string[] {
  const also = [
    ...waitingServers(superServerUnit(name), host),
    ...(along.length > 0 ? [`systemd restarts ${along.join(", ")} along with it.`] : []),
  ];
  switch (unit?.killMode) {
    case "control-group":
    case "mixed":
      return [`The restart ends every process of the unit (KillMode=${unit.killMode}).`, ...also];
    case "process": {
      const left = host.facts.running.filter(
        (process) => process.files.length > 0 && leftBehindBy(process, host)?.id === name,
      );
      const stays = left.map(({ pid, executable }) => `pid ${pid} (${executable})`).join(", ");
      const rest = stays === "" ? "whatever else runs in the unit" : `${stays}, old as well,`;
      return [`The restart ends the main process alone (KillMode=process) and leaves ${rest} running.`, ...also];
    }
    case "none":
      return ["The restart ends no process but by the unit's own stop command (KillMode=none).", ...also];
    default:
      return also;
  }
}

/** Whom a super-server's restart ends before: they would keep their ports from the new one. */
function waitingServers(manager: string | null, { facts }: HostIndex): readonly string[] {
  const services = facts.xinetd.filter((service) => service.manager === manager && service.enabled && service.wait);
  const names = [...new Set(services.map(({ id }) => id))].join(", ");
  return names === ""
    ? []
    : [`Before it the servers of ${names} are ended (wait = yes), which would keep their ports.`];
}

interface Forbidden {
  /** `ask`: a person may ask for it by name. `reboot`: that replaces it. */
  readonly policy: RestartRule["policy"];
  readonly why: string;
}

/** Why a unit is not restarted automatically, or null. What is not known about a unit forbids. */
function forbidden(judged: Judged, along: readonly string[], host: HostIndex): Forbidden | null {
  const unit = unknown(judged, host);
  if (typeof unit === "string") return { policy: "never", why: unit };
  const never =
    connection(unit, host) ??
    refusal(unit) ??
    strangeChild(unit, judged.process) ??
    removal(unit, judged.programRemoved);
  const rules = [judged.owner.name, ...along].flatMap((name) => {
    const rule = ruleFor(name);
    return rule ? [{ policy: rule.policy, why: name === judged.owner.name ? rule.why : ruleAlong(name, rule) }] : [];
  });
  const strictest = rules.find(({ policy }) => policy === "never");
  if (strictest) return { policy: "never", why: `Never: ${strictest.why}.` };
  if (never !== null) return { policy: "never", why: never };
  const bus = rules.find(({ policy }) => policy === "reboot");
  if (bus) return bus;
  const why = endsSessions(unit, host);
  if (why !== null) return { policy: "ask", why };
  return rules[0] ? { policy: "ask", why: rules[0].why } : null;
}

function ruleAlong(name: string, { policy, why }: RestartRule): string {
  return policy === "reboot" ? `${name} would be restarted with it, and ${why}` : `${name} with it: ${why}`;
}

function ruleFor(name: string): RestartRule | null {
  const slash = name.indexOf("/");
  return slash < 0 ? restartRule(name) : userRestartRule(name.slice(slash + 1));
}

/** The unit, or why too little is known of it. */
function unknown({ owner: { name } }: Judged, { facts, units }: HostIndex): UnitFacts | string {
  const rule = ruleFor(name);
  if (rule?.policy === "never") return `Never: ${rule.why}.`;
  if (!name.endsWith(".service")) return "Only services are restarted, and this unit is none.";
  if (facts.units === null)
    return `What systemd knows about this unit could not be read: ${facts.unitsUnreadable ?? "unknown why"}.`;
  const unit = units.get(name);
  if (unit?.loadState === "loaded") return unit;
  const slash = name.indexOf("/");
  if (slash < 0) return "systemd has no unit of this name loaded, so it cannot be started again.";
  return `The user's manager told nothing about this unit; ask them to run: systemctl --user restart -- ${name.slice(slash + 1)}.`;
}

/** Of a user's own socket: whoever has it open ends it, for a stop is for their manager to do. */
function connection({ id }: UnitFacts, { units }: HostIndex): string | null {
  const socket = acceptingSocket(id, units);
  return socket === null
    ? null
    : `It serves one connection of ${socket}: a restart would start the new program in the middle of it. It ends with its connection.`;
}

function refusal({ type, refuseManualStart, refuseManualStop }: UnitFacts): string | null {
  if (type === "oneshot") return "Its type is oneshot: a restart would run its work again.";
  if (refuseManualStop) return "The unit refuses to be stopped by hand (RefuseManualStop=yes).";
  if (refuseManualStart) return "The unit refuses to be started by hand (RefuseManualStart=yes).";
  return null;
}

/** In a super-server's unit and neither it nor a session. */
function strangeChild({ id }: UnitFacts, process: ProcessFacts): string | null {
  const manager = superServerUnit(id);
  if (manager === null || superServer(process.executable)) return null;
  return `It was started by ${manager} for a service that could not be told; restarting ${manager} would not replace it.`;
}

/** Where the unit of a super-server is a native one, systemd ends its sessions with it. */
function endsSessions({ id, killMode }: UnitFacts, { facts }: HostIndex): string | null {
  const manager = superServerUnit(id);
  if (manager === null || killMode === "process") return null;
  const how = killMode === "none" ? "may end" : "would end";
  const services = facts.xinetd.filter((service) => service.manager === manager && service.enabled);
  const names = [...new Set(services.map((service) => service.id))].join(", ");
  return `a restart ${how} every open session${names === "" ? "" : ` of ${names}`}, those that run new code too (KillMode=${killMode || "unknown"})`;
}

function removal({ id }: UnitFacts, programRemoved: boolean): string | null {
  if (!programRemoved) return null;
  return `Its program is no longer on the disk: after a restart ${id} might not run at all; install it again or stop the unit.`;
}

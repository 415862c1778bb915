import type { ProcessFacts } from "../facts.ts";
import { restartRule } from "../plan/never.ts";
import type { Owner, Remedy, Verdict } from "../scan.ts";
import type { UnitFacts } from "../systemd/show.ts";
import { sysvService } from "../sysv/owner.ts";
import { superServer } from "../xinetd/match.ts";
import type { HostIndex } from "./host.ts";
import { leftBehindBy } from "./owner.ts";
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
      return {
        kind: "end-session",
        target: owner.name,
        automatic: true,
        reason: "New connections already start the new program; only sessions opened before the upgrade are old.",
      };
    case "init":
      return reexec(host);
    case "service":
      if (owner.manager === "sysv") return restartSysv(judged, host);
      return owner.name.includes("/") ? userUnit(owner.name) : restart(judged, host);
    case "socket-session":
      return ask(
        owner,
        `It serves one connection; ask its user to reconnect, or end it: systemctl stop -- ${owner.name}`,
      );
    case "user-session":
      return ask(
        owner,
        `It belongs to a login session; ask whoever is logged in there (loginctl session-status ${sessionOf(owner)}) to log out and in again`,
      );
    case "container":
      return ask(
        owner,
        "It runs in a container; ask the container's owner to rebuild the image and replace the container",
      );
    case "application":
      return ask(
        owner,
        stranded(process, host) ??
          `No service manager owns it; ask ${process.user}, who runs it, to halt and launch it again`,
      );
    case "virtual-machine":
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

function userUnit(name: string): Remedy {
  const [manager = "", unit = ""] = name.split("/");
  const uid = /^user@([0-9]+)\.service$/.exec(manager)?.[1] ?? "?";
  const reason = `It is a service of the user with uid ${uid}; ask them to run: systemctl --user restart -- ${unit}`;
  return { kind: "none", target: name, automatic: false, reason: `${reason}.` };
}

function reexec({ facts }: HostIndex): Remedy {
  const reason = facts.systemd
    ? "PID 1 replaces itself in place and keeps its state; no service is touched."
    : "PID 1 is not systemd and how it replaces itself is not known; a reboot replaces it.";
  return { kind: "reexec", target: "init", automatic: facts.systemd, reason };
}

/** Told here and left to a person: the effects know systemd only. */
function restartSysv({ owner: { name }, process, programRemoved }: Judged, host: HostIndex): Remedy {
  const rule = restartRule(name);
  const told = sysvService(process, host);
  const evidence = told ? ` It was told by this: ${told.because}.` : "";
  const whyNot = rule
    ? `${rule.policy === "never" ? "Never" : "Only on request"}: ${rule.why}.`
    : programRemoved
      ? `Its program is no longer on the disk: after a restart ${name} might not run at all; install it again or stop the service.`
      : `This version restarts services of systemd only; run: service ${name} restart.`;
  return { kind: "restart-service", target: name, automatic: false, reason: whyNot + evidence };
}

function restart(judged: Judged, host: HostIndex): Remedy {
  const unit = judged.owner.name;
  const whyNot = forbidden(judged, host);
  const reason = whyNot ?? "A program in memory stays the old one until its service is stopped and started.";
  return { kind: "restart-service", target: unit, automatic: whyNot === null, reason };
}

/** Why a unit is not restarted automatically, or null. What is not known about a unit forbids. */
function forbidden({ owner, process, programRemoved }: Judged, { facts, units }: HostIndex): string | null {
  const name = owner.name;
  const rule = restartRule(name);
  if (rule) return `${rule.policy === "never" ? "Never" : "Only on request"}: ${rule.why}.`;
  if (!name.endsWith(".service")) return "Only services are restarted, and this unit is none.";
  const unit = units.get(name);
  if (facts.units === null)
    return `What systemd knows about this unit could not be read: ${facts.unitsUnreadable ?? "unknown why"}.`;
  if (unit?.loadState !== "loaded") return "systemd has no unit of this name loaded, so it cannot be started again.";
  return refusal(unit) ?? superServerRule(unit, process) ?? removal(unit, programRemoved);
}

function refusal({ type, refuseManualStart, refuseManualStop }: UnitFacts): string | null {
  if (type === "oneshot") return "Its type is oneshot: a restart would run its work again.";
  if (refuseManualStop) return "The unit refuses to be stopped by hand (RefuseManualStop=yes).";
  if (refuseManualStart) return "The unit refuses to be started by hand (RefuseManualStart=yes).";
  return null;
}

function superServerRule({ id, killMode }: UnitFacts, process: ProcessFacts): string | null {
  const manager = superServerUnit(id);
  if (manager === null) return null;
  if (!superServer(process.executable)) {
    return `It was started by ${manager} for a service that could not be told; restarting ${manager} would not replace it.`;
  }
  if (killMode === "process") return null;
  return `A restart would end every open session, new ones too (KillMode=${killMode || "unknown"}).`;
}

function removal({ id }: UnitFacts, programRemoved: boolean): string | null {
  if (!programRemoved) return null;
  return `Its program is no longer on the disk: after a restart ${id} might not run at all; install it again or stop the unit.`;
}

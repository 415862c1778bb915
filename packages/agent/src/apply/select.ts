import { toldOf } from "@afterpatch/core/cve/select";
import { split } from "@afterpatch/core/plan/filter";
import type { Plan, Step } from "@afterpatch/core/plan/types";
import type { Finding, RemedyKind, Scan } from "@afterpatch/core/scan";
import { isPerformed } from "./course.ts";

/** What a person asked for. Each that is given narrows the others; empty lists and null ask for everything. */
export interface Selection {
  readonly only: readonly RemedyKind[];
  readonly units: readonly string[];
  readonly services: readonly string[];
  /** Names of rules of the agent's file. */
  readonly applications: readonly string[];
  /** Who has an old copy of the libraries and packages that were named. */
  readonly users: LibraryUsers | null;
  /** CVE ids that were fixed in it since, by changelogs. */
  readonly cves: readonly string[];
}

export interface LibraryUsers {
  /** As it was typed. */
  readonly asked: string;
  /** By `processKey`. */
  readonly old: ReadonlySet<string>;
  /** How many processes have any copy of it. */
  readonly count: number;
}

export const EVERYTHING: Selection = { only: [], units: [], services: [], applications: [], users: null, cves: [] };

/** Nothing was named. */
export function isEverything({ only, units, services, applications, users, cves }: Selection): boolean {
  return users === null && [only, units, services, applications, cves].every((names) => names.length === 0);
}

/** Splits a plan into what is to be carried out and what is deliberately left. A step is taken whole or not at all. */
export function select(plan: Plan, selection: Selection, scan: Pick<Scan, "findings">): ReturnType<typeof split> {
  // A reboot that a person orders may have no findings at all.
  const isOfUsers =
    selection.users === null && selection.cves.length === 0 ? null : (finding: Finding) => isUser(finding, selection);
  return split(plan, scan.findings, (remedy) => isChosen(remedy, selection), isOfUsers);
}

function isChosen(remedy: Step["remedy"], { only, units, services, applications }: Selection): boolean {
  if (!isPerformed(remedy)) return false;
  if (only.length > 0 && !only.includes(remedy.kind)) return false;
  if (units.length + services.length + applications.length === 0) return true;
  return namesFor(remedy.kind, { units, services, applications }).includes(remedy.target);
}

function namesFor(
  kind: RemedyKind,
  { units, services, applications }: Pick<Selection, "units" | "services" | "applications">,
): readonly string[] {
  if (kind === "end-session") return services;
  return kind === "relaunch-application" ? applications : units;
}

/** Whether its process has an old copy of what was asked for, and one without the fixes that were. */
export function isUser(finding: Finding, { users, cves }: Pick<Selection, "users" | "cves">): boolean {
  const { process } = finding;
  const isOfUsers = users === null || (process !== null && users.old.has(processKey(process)));
  return isOfUsers && (cves.length === 0 || cves.some((id) => toldOf(finding, id) === "named"));
}

export function processKey({ pid, startTicks }: { readonly pid: number; readonly startTicks: number }): string {
  return `${pid}:${startTicks}`;
}

/** `ssh` and `ssh.service` name the same unit, as for systemctl. */
export function unitName(name: string): string {
  return name.endsWith(".service") ? name : `${name}.service`;
}

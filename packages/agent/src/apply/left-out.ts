import { toldOf } from "@afterpatch/core/cve/select";
import type { Plan, Step } from "@afterpatch/core/plan/types";
import type { Finding, Scan } from "@afterpatch/core/scan";
import { isOld } from "../render/owners.ts";
import { plural } from "../render/words.ts";
import { isUser, type Selection } from "./select.ts";

/** Something that was named on the command line, or uses a library that was, and that no step is taken for. */
export interface LeftOut {
  readonly name: string;
  readonly reason: string;
  /** Nothing of it is old; another option leaves it out; or a rule keeps it, and only a person may act. */
  readonly kind: "clean" | "narrowed" | "kept";
}

/** Why nothing is done, or not all, for what was asked for by name: silence would pass for "it is clean". */
export function leftOut(
  { findings }: Pick<Scan, "findings">,
  plan: Plan,
  selection: Selection,
  chosen: readonly Step[],
): readonly LeftOut[] {
  const old = findings.filter(isOld);
  const taken = new Set(chosen.flatMap((step) => step.findings));
  const entry = (name: string, finding: Finding) => ({ name, ...reasonOf(finding, plan) });
  const { units, services, applications, users, cves } = selection;
  const ofNames = [...units, ...services, ...applications].flatMap((name): readonly LeftOut[] => {
    const own = old.filter(({ owner, remedy }) => owner.name === name || remedy.target === name);
    if (own.length === 0) return [{ name, reason: "Nothing of it runs old code.", kind: "clean" }];
    return distinct(own.filter(({ id }) => !taken.has(id)).map((finding) => entry(name, finding)));
  });
  const ofCves = cves.flatMap((id): readonly LeftOut[] => {
    if (old.some((finding) => toldOf(finding, id) === "named")) return [];
    const unknown = old.filter((finding) => toldOf(finding, id) === "unknown").length;
    const open = unknown > 0 ? ` Of ${plural(unknown, "finding", "findings")} no changelog can tell.` : "";
    return [{ name: id, reason: `Nothing is known to run without its fix.${open}`, kind: "clean" }];
  });
  if (users === null && cves.length === 0) return ofNames;
  if (ofCves.length > 0) return [...ofNames, ...ofCves];
  if (users !== null && users.old.size === 0) {
    const reason = `Of ${plural(users.count, "process that has", "processes that have")} it mapped, none has an old copy.`;
    return [...ofNames, { name: users.asked, reason, kind: "clean" }];
  }
  const rest = old.filter((finding) => isUser(finding, selection) && !taken.has(finding.id));
  const said = new Set(ofNames.map(({ name }) => name));
  return [
    ...ofNames,
    ...distinct(rest.flatMap((finding) => (said.has(finding.owner.name) ? [] : [entry(finding.owner.name, finding)]))),
  ];
}

/** Names of the command line that run old code and that a rule keeps as they are: nothing at all is done about them. */
export function keptNames(
  entries: readonly LeftOut[],
  { units, services, applications }: Selection,
  chosen: readonly Step[],
): readonly string[] {
  const taken = new Set(chosen.map(({ remedy }) => remedy.target));
  const kept = new Set(entries.flatMap(({ name, kind }) => (kind === "kept" ? [name] : [])));
  return [...units, ...services, ...applications].filter((name) => kept.has(name) && !taken.has(name));
}

/**
 * Owners of what is left after an order for a person, as far as it was ordered: who names one unit does not ask about
 * the rest of the host.
 */
export function residueOrdered(
  { findings }: Pick<Scan, "findings">,
  plan: Plan,
  selection: Selection,
): readonly string[] {
  const ordered = new Set(findings.filter((finding) => isOrdered(finding, selection)).map(({ id }) => id));
  const left = plan.residue.filter((entry) => entry.findings.some((id) => ordered.has(id)));
  return [...new Set(left.map(({ owner }) => owner))];
}

function isOrdered(finding: Finding, selection: Selection): boolean {
  const { only, units, services, applications } = selection;
  const { owner, remedy } = finding;
  const names = [...units, ...services, ...applications];
  if (only.length > 0 && !only.includes(remedy.kind)) return false;
  if (names.length > 0 && !names.some((name) => owner.name === name || remedy.target === name)) return false;
  return isUser(finding, selection);
}

function reasonOf({ id, remedy }: Finding, { steps }: Plan): Pick<LeftOut, "reason" | "kind"> {
  const step = steps.find(({ findings }) => findings.includes(id));
  if (!step) return { reason: remedy.reason, kind: "kept" };
  const reason = `Left out by what was asked for: it needs ${step.remedy.kind} ${step.remedy.target}.`;
  return { reason, kind: "narrowed" };
}

function distinct(entries: readonly LeftOut[]): readonly LeftOut[] {
  return [...new Map(entries.map((entry) => [JSON.stringify(entry), entry])).values()];
}

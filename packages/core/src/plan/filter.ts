import { toldOf } from "../cve/select.ts";
import { globMatcher, isGlob } from "../fleet/glob.ts";
import { unitMatcher } from "../policy/narrow.ts";
import { type Finding, type FindingKind, REMEDIES, type RemedyKind, type Scan } from "../scan.ts";
import { planOf, type RebootChoice } from "./plan.ts";
import type { Plan, Residue, Step } from "./types.ts";

/** Which part of what runs old code is wanted. Each that is given narrows the others; an empty list asks for all. */
export interface Filter {
  /** Remedies. */
  readonly only: readonly RemedyKind[];
  /** Units that are left alone: globs. A reboot is not held back by them. */
  readonly never: readonly string[];
  /** Globs over names of packages of what is old. */
  readonly packages: readonly string[];
  /** Paths, names of files or sonames of what is old; globs. */
  readonly libraries: readonly string[];
  /** Globs over what owns it, and over what is restarted for it. */
  readonly units: readonly string[];
  readonly kinds: readonly FindingKind[];
  /** CVE ids in upper case that were fixed in it since, by changelogs. What no changelog tells of is not taken. */
  readonly cves: readonly string[];
  /** Globs over running units that a person wants restarted whether anything of them is old or not; then nothing else is done. */
  readonly restarts: readonly string[];
}

export const NO_FILTER: Filter = {
  only: [],
  never: [],
  packages: [],
  libraries: [],
  units: [],
  kinds: [],
  cves: [],
  restarts: [],
};

export const FINDING_KINDS = ["service", "xinetd-session", "application", "kernel", "microcode"] as const;

/** What `only` may name. */
export const FILTER_REMEDIES = REMEDIES.filter((kind) => kind !== "none");

export function isFilter(filter: Filter): boolean {
  return Object.values(filter).some((list) => list.length > 0);
}

/** A plan of which a part is left on purpose. */
export interface FilteredPlan {
  /** What is left is residue. */
  readonly plan: Plan;
  readonly leave: readonly Step["remedy"][];
}

/**
 * The plan of one host, narrowed. A reboot is planned only where it is chosen itself: elsewhere the host is planned as
 * one that is not rebooted, so that what can be restarted in place is.
 */
export function filteredPlan(scan: Scan, choice: RebootChoice, filter: Filter): FilteredPlan {
  const plan = planOf(scan, [], choice);
  if (!isFilter(filter)) return { plan, leave: [] };
  const parts = partsOf(plan, scan, choice, filter);
  if (!parts.left.some(isReboot)) return without(plan, parts.chosen, parts.left);
  const inPlace = { ...choice, mode: "never" } as const;
  const smaller = planOf(scan, [], inPlace);
  const { chosen, left } = partsOf(smaller, scan, inPlace, filter);
  return without(smaller, chosen, left);
}

/** Splits a plan into what is to be carried out and what is deliberately left. A step is taken whole or not at all. */
export function split(
  { steps }: Plan,
  findings: readonly Finding[],
  isStep: (remedy: Step["remedy"]) => boolean,
  /** Null: every finding will do, and a step that has none as well. */
  isFinding: ((finding: Finding, remedy: Step["remedy"]) => boolean) | null,
): { readonly chosen: readonly Step[]; readonly left: readonly Step[] } {
  const byId = new Map(findings.map((finding) => [finding.id, finding]));
  const isWanted = (step: Step) =>
    isFinding === null ||
    step.findings.some((id) => {
      const finding = byId.get(id);
      return finding !== undefined && isFinding(finding, step.remedy);
    });
  const chosen = steps.filter((step) => isStep(step.remedy) && isWanted(step));
  return { chosen, left: steps.filter((step) => !chosen.includes(step)) };
}

/** Whether a finding is one that the filter is about, its remedy apart. */
export function findingFilter({ packages, libraries, units, kinds, cves }: Filter): (finding: Finding) => boolean {
  const ofPackage = packages.map(globMatcher);
  const ofLibrary = libraries.map(libraryMatcher);
  const ofUnit = units.map(unitMatcher);
  const isAny = <T>(tests: readonly ((value: T) => boolean)[], values: readonly T[]) =>
    tests.length === 0 || values.some((value) => tests.some((test) => test(value)));
  return (finding) => {
    const { kind, owner, remedy } = finding;
    const files = oldFiles(finding);
    return (
      (kinds.length === 0 || kinds.includes(kind)) &&
      isAny(
        ofPackage,
        files.flatMap((file) => file.package?.name ?? []),
      ) &&
      isAny(
        ofLibrary,
        files.map(({ path }) => path),
      ) &&
      isAny(ofUnit, [owner.name, remedy.target]) &&
      (cves.length === 0 || cves.some((id) => toldOf(finding, id) === "named"))
    );
  };
}

export function oldFiles({ files }: Finding): Finding["files"] {
  return files.filter(({ verdict }) => isOld(verdict));
}

/** Without a slash the name of a file: `libssl.so.3`, and `libwrap.so.0` for `libwrap.so.0.7.6`. */
export function libraryMatcher(typed: string): (path: string) => boolean {
  const matches = globMatcher(typed);
  if (typed.includes("/")) return matches;
  return (path) => {
    const name = path.slice(path.lastIndexOf("/") + 1);
    return matches(name) || (!isGlob(typed) && name.startsWith(`${typed}.`));
  };
}

function partsOf(plan: Plan, scan: Scan, { mode }: RebootChoice, filter: Filter) {
  const isOfFilter = findingFilter(filter);
  const spared = filter.never.map(unitMatcher);
  // What a reboot replaces along the way is no reason for it; where a person ordered one, all of it is.
  const isReason = (finding: Finding, step: Step["remedy"]) =>
    step.kind !== "reboot" || mode === "always" || finding.remedy.kind === "reboot";
  const isAsked = { ...filter, only: [], never: [] };
  const parts = split(
    plan,
    scan.findings,
    ({ kind, target }) =>
      (filter.only.length === 0 || filter.only.includes(kind)) &&
      (kind === "reboot" || !spared.some((matches) => matches(target))),
    isFilter(isAsked) ? (finding, step) => isOfFilter(finding) && isReason(finding, step) : null,
  );
  return inVain(parts, scan);
}

/** Forks of a service that is not restarted would only be made anew. */
function inVain(parts: ReturnType<typeof split>, { findings }: Scan): ReturnType<typeof split> {
  const left = new Set(parts.left.flatMap(({ remedy }) => (remedy.kind === "restart-service" ? [remedy.target] : [])));
  const isVain = (step: Step) =>
    findings.some(
      ({ id, remedy }) => step.findings.includes(id) && remedy.after !== undefined && left.has(remedy.after),
    );
  const vain = parts.chosen.filter((step) => step.remedy.kind === "end-session" && isVain(step));
  return { chosen: parts.chosen.filter((step) => !vain.includes(step)), left: [...parts.left, ...vain] };
}

function without(plan: Plan, chosen: readonly Step[], left: readonly Step[]): FilteredPlan {
  const residue = left.map(({ remedy: { kind, target }, findings }): Residue => {
    const reason = `Left out by what was asked for: it needs ${kind}${kind === "reboot" ? "" : ` ${target}`}.`;
    return { owner: target, findings, reason };
  });
  return {
    plan: { steps: chosen, residue: [...plan.residue, ...residue] },
    leave: left.map(({ remedy }) => remedy),
  };
}

function isReboot({ remedy }: Step): boolean {
  return remedy.kind === "reboot";
}

function isOld(verdict: Finding["verdict"]): boolean {
  return verdict !== "unknown" && verdict !== "identical";
}

import { type Finding, REMEDIES, type Remedy, type Scan } from "../scan.ts";
import { insteadOf } from "./instead.ts";
import type { Plan, Residue, Step } from "./types.ts";
import { isCarriedOut } from "./verbs.ts";

/** Ordered remedies of one host, from its findings alone: the host and the controller come to the same plan. */
export function planOf(scan: Scan): Plan {
  const steps = grouped(scan.findings.filter(isPlanned), ({ remedy }) => JSON.stringify([remedy.kind, remedy.target]));
  const residue = grouped(
    scan.findings.filter((finding) => !isPlanned(finding)),
    ({ owner, remedy }) => JSON.stringify([owner.kind, owner.name, remedy.reason]),
  );
  return { steps: steps.map(stepOf).sort(bySizeThenTarget), residue: residue.map(residueOf) };
}

// Not knowing whether something is old is never a reason to act on it, whatever the document says.
function isPlanned({ verdict, remedy }: Finding): boolean {
  return remedy.automatic && isCarriedOut(remedy.kind) && verdict !== "unknown" && verdict !== "identical";
}

type Group = readonly [Finding, ...Finding[]];

function grouped(findings: readonly Finding[], keyOf: (finding: Finding) => string): readonly Group[] {
  const groups = new Map<string, [Finding, ...Finding[]]>();
  for (const finding of findings) {
    const key = keyOf(finding);
    const group = groups.get(key);
    if (group) group.push(finding);
    else groups.set(key, [finding]);
  }
  return [...groups.values()];
}

function stepOf(group: Group): Step {
  const { kind, target } = group[0].remedy;
  return {
    id: `${kind}:${target}`,
    remedy: { kind, target },
    findings: group.map(({ id }) => id),
    because: because(group, group[0].remedy),
    insteadOf: insteadOf(kind),
  };
}

function residueOf(group: Group): Residue {
  const [{ owner, remedy }] = group;
  return { owner: owner.name, findings: group.map(({ id }) => id), reason: remedy.reason };
}

/** "2 processes run old code of /usr/lib/libssl.so.3 and 1 other file. ..." */
function because(group: Group, remedy: Remedy): string {
  const old = group.flatMap(({ files }) =>
    files.filter(({ verdict }) => verdict !== "unknown" && verdict !== "identical"),
  );
  const [path, ...others] = new Set(old.map((file) => file.path));
  const who = group.length === 1 ? "1 process runs" : `${group.length} processes run`;
  const more =
    others.length === 0 ? "" : others.length === 1 ? " and 1 other file" : ` and ${others.length} other files`;
  return `${who} old code of ${path ?? remedy.target}${more}. ${remedy.reason}`;
}

function bySizeThenTarget(a: Step, b: Step): number {
  const size = REMEDIES.indexOf(a.remedy.kind) - REMEDIES.indexOf(b.remedy.kind);
  if (size !== 0) return size;
  return a.remedy.target < b.remedy.target ? -1 : a.remedy.target > b.remedy.target ? 1 : 0;
}

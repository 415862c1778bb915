import type { Finding, Remedy, Scan } from "../scan.ts";
import { insteadOf } from "./instead.ts";
import { inOrder } from "./order.ts";
import type { Plan, Residue, Step } from "./types.ts";
import { isCarriedOut } from "./verbs.ts";

/** What a person asked for by name: a remedy's kind and target. */
export interface Requested {
  readonly kind: string;
  readonly target: string;
}

/**
 * Ordered remedies of one host, from its findings alone: the host and the controller come to the same plan. What is
 * taken on request only becomes a step when it is among `requested`.
 */
export function planOf(scan: Scan, requested: readonly Requested[] = []): Plan {
  const asked = new Set(requested.map(keyOf));
  const planned = scan.findings.filter((finding) => isPlanned(finding, asked));
  const rest = scan.findings.filter((finding) => !isPlanned(finding, asked));
  const steps = grouped(planned, ({ remedy }) => keyOf(remedy));
  const residue = grouped(rest, ({ owner, remedy }) => JSON.stringify([owner.kind, owner.name, remedy.reason]));
  const ordered = inOrder(steps, (group) => ({
    ...group[0].remedy,
    takesAlong: group[0].remedy.takesAlong ?? [],
    after: group.find(({ remedy }) => remedy.after !== undefined)?.remedy.after ?? null,
  }));
  return { steps: ordered.map(stepOf), residue: residue.map(residueOf) };
}

function keyOf({ kind, target }: Requested): string {
  return JSON.stringify([kind, target]);
}

// Not knowing whether something is old is never a reason to act on it, whatever the document says.
function isPlanned({ verdict, remedy }: Finding, asked: ReadonlySet<string>): boolean {
  const isWanted = remedy.automatic || (remedy.onRequest === true && asked.has(keyOf(remedy)));
  return isWanted && isCarriedOut(remedy.kind) && verdict !== "unknown" && verdict !== "identical";
}

type Group = readonly [Finding, ...Finding[]];

function grouped(findings: readonly Finding[], nameOf: (finding: Finding) => string): readonly Group[] {
  const groups = new Map<string, [Finding, ...Finding[]]>();
  for (const finding of findings) {
    const key = nameOf(finding);
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
    insteadOf: insteadOf(group[0]),
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

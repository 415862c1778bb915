import type { Finding, Remedy, Scan } from "../scan.ts";
import { someOf } from "../text.ts";
import { insteadOf, insteadOfReboot } from "./instead.ts";
import { inOrder } from "./order.ts";
import { DEFAULT_REBOOT, REBOOT, type RebootOrder } from "./reboot.ts";
import type { Plan, Residue, Step } from "./types.ts";
import { isCarriedOut } from "./verbs.ts";

/** What a person asked for by name: a remedy's kind and target. */
export interface Requested {
  readonly kind: string;
  readonly target: string;
}

/** How a plan treats reboots. */
export type RebootChoice = Pick<RebootOrder, "mode" | "sessionsFirst">;

/**
 * Ordered remedies of one host, from its findings alone: the host and the controller come to the same plan. What is
 * taken on request only becomes a step when it is among `requested`. A host that is rebooted restarts nothing before.
 */
export function planOf(scan: Scan, requested: readonly Requested[] = [], choice: RebootChoice = DEFAULT_REBOOT): Plan {
  const asked = new Set(requested.map(keyOf));
  const isStep = (finding: Finding) => isPlanned(finding, asked, choice);
  const isRequired = scan.findings.some((finding) => finding.remedy.kind === "reboot" && isStep(finding));
  return choice.mode === "always" || isRequired ? rebooting(scan, isStep, choice) : inPlace(scan, isStep);
}

/** A reboot replaces everything: only sessions are ended before it, where that was asked for. */
function rebooting(scan: Scan, isStep: (finding: Finding) => boolean, { sessionsFirst }: RebootChoice): Plan {
  const old = scan.findings.filter(({ verdict }) => verdict !== "unknown" && verdict !== "identical");
  // Forks of a service that is not restarted before would only be made anew.
  const isEnded = (finding: Finding) =>
    sessionsFirst && finding.remedy.kind === "end-session" && finding.remedy.after === undefined && isStep(finding);
  const sessions = grouped(old.filter(isEnded), ({ remedy }) => keyOf(remedy));
  const rest = old.filter((finding) => !isEnded(finding));
  return { steps: [...inTurn(sessions), rebootStep(rest)], residue: [] };
}

function inPlace(scan: Scan, isStep: (finding: Finding) => boolean): Plan {
  const planned = scan.findings.filter(isStep);
  const rest = scan.findings.filter((finding) => !isStep(finding));
  const steps = grouped(planned, ({ remedy }) => keyOf(remedy));
  const residue = grouped(rest, ({ owner, remedy }) => JSON.stringify([owner.kind, owner.name, remedy.reason]));
  return { steps: inTurn(steps), residue: residue.map(residueOf) };
}

function inTurn(steps: readonly Group[]): readonly Step[] {
  const ordered = inOrder(steps, (group) => ({
    ...group[0].remedy,
    takesAlong: group[0].remedy.takesAlong ?? [],
    after: group.find(({ remedy }) => remedy.after !== undefined)?.remedy.after ?? null,
  }));
  return ordered.map(stepOf);
}

function rebootStep(findings: readonly Finding[]): Step {
  const required = findings.filter(({ remedy }) => remedy.kind === "reboot" && remedy.automatic);
  const others = new Set(findings.filter((finding) => !required.includes(finding)).map(({ owner }) => owner.name));
  const reasons = [...new Set(required.map(({ remedy }) => remedy.reason))];
  const why = reasons.length > 0 ? reasons : ["Ordered by a person."];
  const along = others.size > 0 ? [`It replaces ${someOf([...others])} too: nothing of it is restarted before.`] : [];
  return {
    id: `${REBOOT.kind}:${REBOOT.target}`,
    remedy: REBOOT,
    findings: findings.map(({ id }) => id),
    because: [...why, ...along].join(" "),
    insteadOf: insteadOfReboot(required[0] ?? null),
  };
}

function keyOf({ kind, target }: Requested): string {
  return JSON.stringify([kind, target]);
}

// Not knowing whether something is old is never a reason to act on it, whatever the document says.
function isPlanned({ verdict, remedy }: Finding, asked: ReadonlySet<string>, { mode }: RebootChoice): boolean {
  if (remedy.kind === "reboot" && mode === "never") return false;
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

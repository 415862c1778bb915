import type { Finding, Scan } from "../scan.ts";
import { because, becauseOfReboot } from "./because.ts";
import { insteadOf, insteadOfReboot } from "./instead.ts";
import { inOrder } from "./order.ts";
import { DEFAULT_REBOOT, type KernelOfScan, REBOOT, type RebootOrder } from "./reboot.ts";
import type { Plan, Residue, Step } from "./types.ts";
import { isCarriedOut } from "./verbs.ts";

/** What a person asked for by name: a remedy's kind and target. */
export interface Requested {
  readonly kind: string;
  readonly target: string;
}

/** How a plan treats reboots. `method`: without one all is replaced; a soft reboot leaves the kernel as it is. */
export type RebootChoice = Pick<RebootOrder, "mode" | "sessionsFirst"> & Partial<Pick<RebootOrder, "method">>;

/**
 * Ordered remedies of one host, from its findings alone: the host and the controller come to the same plan. What is
 * taken on request only becomes a step when it is among `requested`. A host that is rebooted restarts nothing before.
 */
export function planOf(scan: Scan, requested: readonly Requested[] = [], choice: RebootChoice = DEFAULT_REBOOT): Plan {
  const asked = new Set(requested.map(keyOf));
  const isStep = (finding: Finding) => isPlanned(finding, asked, choice);
  const required = scan.findings.filter((finding) => finding.remedy.kind === "reboot" && isStep(finding));
  if (choice.mode !== "always" && required.length === 0) return inPlace(scan, isStep, choice);
  return rebooting(scan, isStep, required, choice);
}

/** A reboot replaces everything: only sessions are ended before it, where that was asked for. */
function rebooting(
  scan: Scan,
  isStep: (finding: Finding) => boolean,
  required: readonly Finding[],
  choice: RebootChoice,
): Plan {
  // Forks of a service that is not restarted before would only be made anew.
  const isEnded = (finding: Finding) =>
    choice.sessionsFirst &&
    finding.remedy.kind === "end-session" &&
    finding.remedy.after === undefined &&
    isStep(finding);
  const sessions = grouped(scan.findings.filter(isEnded), ({ remedy }) => keyOf(remedy));
  const rest = scan.findings.filter((finding) => !isEnded(finding));
  const replaced = rest.filter((finding) => isReplaced(finding, choice));
  return {
    steps: [...inTurn(sessions), rebootStep(replaced, required, scan.host.kernel)],
    residue: residueOf(
      rest.filter((finding) => !isReplaced(finding, choice)),
      choice,
    ),
  };
}

/** No process outlives a reboot, whatever is known of it. What is wrong with a kernel on the disk does. */
function isReplaced({ owner, remedy }: Finding, { method }: RebootChoice): boolean {
  return owner.kind !== "kernel" || (remedy.kind === "reboot" && method !== "soft-reboot");
}

function inPlace(scan: Scan, isStep: (finding: Finding) => boolean, choice: RebootChoice): Plan {
  const steps = grouped(scan.findings.filter(isStep), ({ remedy }) => keyOf(remedy));
  const rest = scan.findings.filter((finding) => !isStep(finding));
  return { steps: inTurn(steps), residue: residueOf(rest, choice) };
}

function inTurn(steps: readonly Group[]): readonly Step[] {
  const ordered = inOrder(steps, (group) => ({
    ...group[0].remedy,
    takesAlong: group[0].remedy.takesAlong ?? [],
    after: group.find(({ remedy }) => remedy.after !== undefined)?.remedy.after ?? null,
  }));
  return ordered.map(stepOf);
}

function rebootStep(replaced: readonly Finding[], required: readonly Finding[], kernel: KernelOfScan): Step {
  return {
    id: `${REBOOT.kind}:${REBOOT.target}`,
    remedy: REBOOT,
    findings: replaced.map(({ id }) => id),
    because: becauseOfReboot(replaced, required, kernel),
    insteadOf: insteadOfReboot(required[0] ?? null),
  };
}

function keyOf({ kind, target }: Requested): string {
  return JSON.stringify([kind, target]);
}

// Not knowing whether something is old is never a reason to act on it, whatever the document says.
function isPlanned(finding: Finding, asked: ReadonlySet<string>, choice: RebootChoice): boolean {
  const { verdict, remedy } = finding;
  if (remedy.kind === "reboot" && (choice.mode === "never" || !isReplaced(finding, choice))) return false;
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
    because: because(group),
    insteadOf: insteadOf(group[0]),
  };
}

function residueOf(findings: readonly Finding[], choice: RebootChoice): readonly Residue[] {
  const groups = grouped(findings, ({ owner, remedy }) => JSON.stringify([owner.kind, owner.name, remedy.reason]));
  return groups.map((group) => ({
    owner: group[0].owner.name,
    findings: group.map(({ id }) => id),
    reason: whyLeft(group[0], choice),
  }));
}

/** Of what nothing but this order's own words leave: those, too. */
function whyLeft({ remedy }: Finding, { mode, method }: RebootChoice): string {
  if (remedy.kind !== "reboot" || !remedy.automatic) return remedy.reason;
  if (mode === "never") return `${remedy.reason} Reboots are left out here.`;
  return method === "soft-reboot" ? `${remedy.reason} A soft reboot keeps kernel and microcode.` : remedy.reason;
}

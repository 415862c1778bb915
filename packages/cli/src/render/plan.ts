import type { PlanDocument, PlannedHostDocument, UncoveredDocument } from "../documents/plan.ts";
import type { Paint } from "../shell.ts";
import { counted } from "./table.ts";

/** Waves, hosts in their order, steps with their reasons, what stays and who is left out. */
export function renderPlan(plan: PlanDocument, paint: Paint, isWide: boolean): string {
  const lines: string[] = [];
  for (const wave of plan.waves.filter(({ hosts }) => hosts.length > 0)) {
    lines.push(paint("bold", `Wave ${wave.name}: ${counted(wave.hosts.length, "host")}, ${batches(plan.ramp)}`));
    for (const host of wave.hosts) lines.push(...hostLines(host, paint, isWide));
    lines.push("");
  }
  lines.push(...uncoveredLines(plan.uncovered, paint));
  lines.push(summary(plan), `Digest ${plan.digest}`);
  return `${lines.join("\n")}\n`;
}

/** `1 host at a time`; `batches of 1, then 25`. */
function batches(ramp: readonly number[]): string {
  const [first = 1, ...others] = ramp;
  if (others.length === 0) return `${counted(first, "host")} at a time`;
  return `batches of ${[first, ...others].join(", then ")} at a time`;
}

function hostLines(host: PlannedHostDocument, paint: Paint, isWide: boolean): readonly string[] {
  const lines = [`  ${host.name}${host.steps.length === 0 ? paint("dim", ": nothing to do") : ""}`];
  for (const step of host.steps) {
    lines.push(`    ${paint("yellow", `${step.remedy.kind} ${step.remedy.target}`)}: ${step.because}`);
    if (isWide) for (const other of step.insteadOf) lines.push(`      not ${other.kind}: ${other.whyNot}`);
  }
  for (const residue of host.residue) lines.push(`    ${paint("dim", `stays: ${residue}`)}`);
  return lines;
}

export function uncoveredLines(uncovered: readonly UncoveredDocument[], paint: Paint): readonly string[] {
  if (uncovered.length === 0) return [];
  const hosts = uncovered.map((host) => `  ${host.name}: ${host.why}`);
  return [paint("red", `Not covered: ${counted(uncovered.length, "host")}`), ...hosts, ""];
}

function summary({ totals }: PlanDocument): string {
  if (totals.steps === 0) {
    const nothing = totals.uncovered > 0 ? "Nothing to do on the hosts that could be planned" : "Nothing to do";
    return `${nothing}: ${counted(totals.hosts, "host")} selected, ${totals.residue} left running old code, ${totals.uncovered} not covered`;
  }
  return `${counted(totals.steps, "step")} on ${totals.withWork} of ${counted(totals.hosts, "host")}; ${totals.residue} left running old code, ${totals.uncovered} not covered`;
}

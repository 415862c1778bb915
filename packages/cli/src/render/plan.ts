import { foldHosts } from "@afterpatch/core/fleet/ranges";
import { formatDuration } from "@afterpatch/core/duration";
import {
  type CareDocument,
  isRebooted,
  type PlanDocument,
  type PlannedHostDocument,
  type UncoveredDocument,
  type WaveDocument,
} from "../documents/plan.ts";
import type { Paint } from "../shell.ts";
import { budgetLines, forecastLines } from "./forecast.ts";
import { counted } from "./table.ts";
import { hoursLines } from "./windows.ts";

/** Waves, hosts in their order, steps with their reasons, what stays and who is left out. */
export function renderPlan(plan: PlanDocument, paint: Paint, isWide: boolean): string {
  const lines: string[] = [];
  for (const wave of plan.waves.filter(({ hosts }) => hosts.length > 0)) {
    lines.push(paint("bold", `${plan.waves.length > 1 ? `Wave ${wave.name}: ` : ""}${waveText(wave)}`));
    for (const { names, like } of alike(wave.hosts)) lines.push(...hostLines(names, like, paint, isWide));
    lines.push("");
  }
  lines.push(...uncoveredLines(plan.uncovered, paint));
  lines.push(
    summary(plan),
    ...reboots(plan),
    ...careLines(plan.care),
    ...budgetLines(plan.budgets),
    ...forecastLines(plan.forecast, paint, isWide),
    ...hoursLines(plan.hours, plan.fleetFreeze, paint),
    `Digest ${plan.digest}`,
  );
  return `${lines.join("\n")}\n`;
}

/** `Around each host: checks before: ...; drain: ...` */
function careLines(care: CareDocument | null): readonly string[] {
  if (care === null) return [];
  const { before, drain, after, undrain } = care;
  const parts = [
    ...(before.length > 0 ? [`it has to hold ${before.join(", ")}`] : []),
    ...(drain === null ? [] : [`it is drained (${drain})`]),
    "its steps",
    ...(after.length > 0 ? [`it has to hold ${after.join(", ")}`] : []),
    ...(undrain === null ? [] : [`it is put back (${undrain})`]),
  ];
  return [`Around each host: ${parts.join("; ")}`];
}

/** `3 hosts, 1 host at a time, after canary, then watched for 30m and approved of` */
function waveText({ hosts, ramp, after, bakeMs, approve }: WaveDocument): string {
  const bake = bakeMs > 0 ? [`watched for ${formatDuration(bakeMs)}`] : [];
  const then = [...bake, ...(approve ? ["approved of"] : [])].join(" and ");
  const parts = [counted(hosts.length, "host"), batches(ramp)];
  if (after.length > 0) parts.push(`after ${after.join(", ")}`);
  if (then !== "") parts.push(`then ${then}`);
  return parts.join(", ");
}

/** `1 host at a time`; `batches of 1, then 25`. */
function batches(ramp: readonly number[]): string {
  const [first = 1, ...others] = ramp;
  if (others.length === 0) return `${counted(first, "host")} at a time`;
  return `batches of ${[first, ...others].join(", then ")} at a time`;
}

/** Neighbours in the order of the plan that get the same steps for the same reasons, told once. */
function alike(hosts: readonly PlannedHostDocument[]) {
  const runs: { names: string[]; readonly like: PlannedHostDocument; readonly key: string }[] = [];
  for (const host of hosts) {
    const key = JSON.stringify([host.steps.map(({ id, because }) => [id, because]), host.residue, host.unreadable]);
    const last = runs.at(-1);
    if (last?.key === key) last.names.push(host.name);
    else runs.push({ names: [host.name], like: host, key });
  }
  return runs;
}

function hostLines(
  names: readonly string[],
  host: PlannedHostDocument,
  paint: Paint,
  isWide: boolean,
): readonly string[] {
  const each = names.length > 1 ? " (each)" : "";
  const lines = [`  ${foldHosts(names)}${each}${host.steps.length === 0 ? paint("dim", ": nothing to do") : ""}`];
  for (const step of host.steps) {
    lines.push(`    ${paint("yellow", `${step.remedy.kind} ${step.remedy.target}`)}: ${step.because}`);
    if (isWide) for (const other of step.insteadOf) lines.push(`      not ${other.kind}: ${other.whyNot}`);
  }
  for (const residue of host.residue) lines.push(`    ${paint("dim", `stays: ${residue}`)}`);
  if (host.unreadable > 0) {
    const count = counted(host.unreadable, "process", "processes");
    lines.push(`    ${paint("red", `unknown: ${count} could not be looked at`)}`);
  }
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
    return `${nothing}: ${counted(totals.hosts, "host")} selected, residue: ${totals.residue}, not covered: ${totals.uncovered}`;
  }
  return `${counted(totals.steps, "step")} on ${totals.withWork} of ${counted(totals.hosts, "host")}; residue: ${totals.residue}, not covered: ${totals.uncovered}`;
}

/** `2 hosts reboot: web[01:02]` */
function reboots({ waves, totals }: PlanDocument): readonly string[] {
  if (totals.reboots === 0) return [];
  const hosts = waves.flatMap((wave) => wave.hosts.filter(isRebooted).map(({ name }) => name));
  return [`${counted(totals.reboots, "host reboots", "hosts reboot")}: ${foldHosts(hosts)}`];
}

import { isFinal } from "@afterpatch/core/exit";
import type { HostState, RolloutState } from "@afterpatch/core/rollout/types";
import type { RolloutDocument, RolloutHostDocument } from "../documents/rollout.ts";
import type { Colour, Paint } from "../shell.ts";
import { uncoveredLines } from "./plan.ts";
import { table, tally } from "./table.ts";
import { age, instant } from "./time.ts";

/** One rollout with all its hosts. */
export function renderRollout(rollout: RolloutDocument, paint: Paint, isWide: boolean): string {
  const rows = rollout.hosts.map((host) => [
    { text: host.name },
    { text: host.state, colour: colourOfHost(host.state) },
    { text: isWide ? stepsInFull(host) : stepsInShort(host) },
    { text: remark(host) || "-" },
  ]);
  const columns = [{ title: "HOST" }, { title: "STATE" }, { title: "STEPS" }, { title: "REMARK" }];
  const lines = [headline(rollout, paint)];
  if (rollout.reason !== "") lines.push(`Reason: ${rollout.reason}`);
  if (rollout.actor !== null && rollout.createdAt !== null)
    lines.push(`By ${rollout.actor} at ${instant(rollout.createdAt)}`);
  const log = rollout.hosts.flatMap(logged);
  const whole = [table(columns, rows, paint).trimEnd(), "", ...(log.length > 0 ? [...log, ""] : [])];
  const parts = [...lines, "", ...whole, ...uncoveredLines(rollout.uncovered, paint)];
  return `${[...parts, totalsOf(rollout)].join("\n")}\n`;
}

/** What the targets of failed steps logged last. */
function logged({ name, steps }: RolloutHostDocument): readonly string[] {
  return steps.flatMap(({ remedy, journal = [] }) =>
    journal.length === 0 ? [] : [`${name}: ${remedy.target} logged:`, ...journal.map((line) => `  ${line}`)],
  );
}

/** History, newest first. */
export function renderRollouts(
  rollouts: readonly RolloutDocument[],
  now: number,
  paint: Paint,
  isWide: boolean,
): string {
  if (rollouts.length === 0) return "No rollouts yet; start one with 'afterpatch rollout start'.\n";
  const columns = ["ID", "STATE", "AGE", "HOSTS", "BY", "NAME", "REASON", ...(isWide ? ["DIGEST"] : [])];
  const rows = rollouts.map((rollout) => [
    { text: rollout.id ?? "-" },
    { text: rollout.state, colour: colourOfState(rollout.state) },
    { text: rollout.createdAt === null ? "-" : age(rollout.createdAt, now) },
    { text: tally(rollout.totals) || "none" },
    { text: rollout.actor ?? "-" },
    { text: rollout.name || "-" },
    { text: rollout.reason },
    { text: rollout.digest },
  ]);
  return table(
    columns.map((title) => ({ title })),
    rows,
    paint,
  );
}

export function headline(rollout: RolloutDocument, paint: Paint): string {
  const name = rollout.name === "" || rollout.name === rollout.reason ? "" : ` (${rollout.name})`;
  const state = paint(colourOfState(rollout.state) ?? "bold", rollout.state);
  return `Rollout ${rollout.id ?? "not started"}${name} ${state}${whyAfter(rollout)}`;
}

/** Of a rollout that ended and left hosts: what one types next. Empty where there is nothing to do. */
export function nextSteps({ id, state, hosts, uncovered }: RolloutDocument): string {
  const left = hosts.filter((host) => host.state !== "done" && host.state !== "done-with-residue");
  if (id === null || !isFinal(state) || left.length + uncovered.length === 0) return "";
  const trouble = WORST_FIRST.flatMap((each) => left.find((host) => host.state === each) ?? []).at(0);
  const why = trouble ? `'afterpatch why ${trouble.name}' on what keeps it from being done; ` : "";
  return `next: ${why}'afterpatch rollout retry ${id}' over the hosts that did not end done`;
}

const WORST_FIRST: readonly HostState[] = ["failed", "unreachable", "vetoed"];

/** What follows the word of its state: a reason that begins with that word, `paused by ada: lunch`, does not repeat it. */
export function whyAfter({ state, why }: Pick<RolloutDocument, "state" | "why">): string {
  if (why === "") return "";
  return why.startsWith(`${state} by `) ? why.slice(state.length) : `: ${why}`;
}

export function totalsOf(rollout: RolloutDocument): string {
  const uncovered = rollout.uncovered.length > 0 ? [`${rollout.uncovered.length} not covered`] : [];
  return [tally(rollout.totals) || "no hosts", ...uncovered].join(", ");
}

/** Why a host is in its state, and what still runs old code on it. */
export function remark(host: RolloutHostDocument): string {
  const residue = host.residue.length > 0 ? [`stays: ${host.residue.join(", ")}`] : [];
  const due = host.rebootDueAt === null ? null : instant(host.rebootDueAt);
  const reboot = due === null ? [] : [`reboots at ${due}; 'afterpatch-agent reboot --cancel' on the host cancels it`];
  return [...(host.reason === "" ? [] : [host.reason]), ...reboot, ...residue].join("; ");
}

export function colourOfHost(state: HostState): Colour | undefined {
  if (state === "done") return "green";
  if (state === "failed" || state === "unreachable") return "red";
  return state === "pending" ? "dim" : "yellow";
}

/** Of a rollout's state. */
export function colourOfState(state: RolloutState): Colour | undefined {
  if (state === "finished") return "green";
  return state === "halted" || state === "aborted" ? "red" : undefined;
}

function stepsInShort(host: RolloutHostDocument): string {
  const outcomes: Record<string, number> = {};
  for (const { outcome } of host.steps) outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
  return tally(outcomes) || "-";
}

function stepsInFull(host: RolloutHostDocument): string {
  return host.steps.map(({ remedy, outcome }) => `${remedy.kind} ${remedy.target} ${outcome}`).join(", ") || "-";
}

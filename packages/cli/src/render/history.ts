import type { EventDocument, HistoryDocument } from "../documents/history.ts";
import type { RolloutDocument } from "../documents/rollout.ts";
import type { Paint } from "../shell.ts";
import { colourOfState } from "./rollout.ts";
import { table, tally } from "./table.ts";
import { age, instant } from "./time.ts";

/** Rollouts that have ended, newest first: who, why, when, how long, and what became of the hosts. */
export function renderEnded(rollouts: readonly RolloutDocument[], paint: Paint, isWide: boolean): string {
  if (rollouts.length === 0) return "No rollout has ended yet.\n";
  const titles = ["ID", "STATE", "BEGAN", "TOOK", "HOSTS", "BY", "REASON", ...(isWide ? ["NAME", "WHY"] : [])];
  const rows = rollouts.map((rollout) => {
    const { id, state, createdAt, endedAt, totals, actor, reason, name, why } = rollout;
    return [
      { text: id ?? "-" },
      { text: state, colour: colourOfState(state) },
      { text: createdAt === null ? "-" : instant(createdAt) },
      { text: createdAt === null || endedAt === null ? "?" : age(createdAt, endedAt) },
      ...[tally(totals) || "none", actor ?? "-", reason, name || "-", why || "-"].map((text) => ({ text })),
    ];
  });
  return table(
    titles.map((title) => ({ title })),
    rows,
    paint,
  );
}

/** One line per event. */
export function renderEvents({ rollout, events }: HistoryDocument, paint: Paint): string {
  const lines = events.map((event) => `${instant(event.at)} ${event.type}${about(event)}`);
  return `${paint("bold", `Rollout ${rollout}`)}\n${lines.map((line) => `${line}\n`).join("")}`;
}

function about({ host, wave, state, actor, reason, steps, residue }: EventDocument): string {
  const subject = [host, wave === null ? null : `wave ${wave}`, state].filter((word) => word !== null);
  const done = steps.map(({ remedy, outcome }) => `${remedy.kind} ${remedy.target} ${outcome}`);
  const left = residue.length === 0 ? [] : [`stays: ${residue.join(", ")}`];
  // Sentences of people's orders say already by whom.
  const by = actor === null || (reason ?? "").includes(`by ${actor}`) ? [] : [`by ${actor}`];
  const details = [...by, ...(reason === null ? [] : [reason]), ...done, ...left];
  return `${subject.map((word) => ` ${word}`).join("")}${details.length === 0 ? "" : `: ${details.join("; ")}`}`;
}

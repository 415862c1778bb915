import type { RolloutDocument, RolloutHostDocument } from "../documents/rollout.ts";
import type { Paint } from "../shell.ts";
import { colourOfHost, headline, remark, totalsOf } from "./rollout.ts";
import { counted } from "./table.ts";
import { instant } from "./time.ts";

/** One line per change between two snapshots, oldest first; all that matters about a rollout seen for the first time. */
export function changes(before: RolloutDocument | null, after: RolloutDocument, now: number): readonly string[] {
  const known = new Map(before?.hosts.map((host) => [host.name, host]));
  const changed = after.hosts.filter((host) => hasChanged(known.get(host.name), host));
  const hosts = changed
    .map((host) => ({
      at: host.changedAt ?? now,
      text: `${host.name} ${host.state}${detail(news(known.get(host.name), host))}`,
    }))
    .sort((a, b) => a.at - b.at);
  const lines = hosts.map(({ at, text }) => `${instant(at)} ${text}`);
  if (before === null) {
    const hostCount = counted(after.hosts.length, "host");
    const why = after.state === "running" || after.why === "" ? "" : ` (${after.why})`;
    lines.unshift(
      `${instant(after.createdAt ?? now)} rollout ${after.id} ${after.state}${why}: ${hostCount}: ${after.reason}`,
    );
    for (const host of after.uncovered) lines.splice(1, 0, `${instant(now)} ${host.name} not covered: ${host.why}`);
  } else if (before.state !== after.state || (before.why !== after.why && hosts.length === 0)) {
    // Who is in hand is in the lines of the hosts; why nothing moves is not.
    const why = after.why === "" ? "" : `: ${after.why}`;
    lines.push(`${instant(now)} rollout ${after.id} ${after.state}${why}: ${totalsOf(after)}`);
  }
  return lines;
}

function hasChanged(before: RolloutHostDocument | undefined, after: RolloutHostDocument): boolean {
  if (!before) return after.state !== "pending";
  // It is only tried again: what comes of that is told.
  if (before.state === "vetoed" && after.state === "pending") return false;
  return before.state !== after.state || before.steps.length !== after.steps.length || before.reason !== after.reason;
}

/** What was not said before: steps that ended since, and a remark that is new. */
function news(before: RolloutHostDocument | undefined, after: RolloutHostDocument): RolloutHostDocument {
  if (!before) return after;
  const isRemarkOld = remark(before) === remark(after);
  const steps = after.steps.slice(before.steps.length);
  return isRemarkOld ? { ...after, steps, reason: "", residue: [] } : { ...after, steps };
}

function detail(host: RolloutHostDocument): string {
  const steps = host.steps.map((step) => {
    const evidence = step.outcome === "done" || step.evidence === "" ? "" : ` (${step.evidence})`;
    return `${step.remedy.kind} ${step.remedy.target} ${step.outcome}${evidence}`;
  });
  const parts = [...steps, ...(remark(host) === "" ? [] : [remark(host)])];
  return parts.length === 0 ? "" : `: ${parts.join("; ")}`;
}

const WAITING = new Set(["pending", "done"]);

/** What a terminal shows of a running rollout: the totals, then the hosts at work or in trouble, as many as fit. */
export function block(rollout: RolloutDocument, columns: number, rows: number, paint: Paint): readonly string[] {
  const shown = rollout.hosts.filter((host) => !WAITING.has(host.state));
  const room = Math.max(1, rows - 4);
  // When there are more hosts than lines: trouble first, then who is not touched, then what changed last.
  const trouble = ({ state }: RolloutHostDocument) =>
    state === "failed" || state === "unreachable" ? 2 : state === "vetoed" ? 1 : 0;
  const newest = shown
    .toSorted((a, b) => trouble(b) - trouble(a) || (b.changedAt ?? 0) - (a.changedAt ?? 0))
    .slice(0, room);
  const lines = newest.map((host) => {
    const text = clip(`  ${host.name} ${host.state}${detail(host)}`, columns);
    const colour = colourOfHost(host.state);
    return colour === undefined ? text : paint(colour, text);
  });
  if (shown.length > newest.length) lines.push(clip(`  and ${shown.length - newest.length} more`, columns));
  return [
    clip(
      headline(rollout, (_colour, text) => text),
      columns,
    ),
    clip(totalsOf(rollout), columns),
    ...lines,
  ];
}

function clip(text: string, columns: number): string {
  const characters = [...text];
  return characters.length < columns ? text : `${characters.slice(0, Math.max(1, columns - 2)).join("")}…`;
}

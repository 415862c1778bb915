import type { OutlookDocument, WaveOutlookDocument } from "../documents/outlook.ts";
import type { RolloutDocument, RolloutHostDocument } from "../documents/rollout.ts";
import type { Followed } from "../follow.ts";
import { remark, totalsOf, whyAfter } from "./rollout.ts";
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
    lines.push(`${instant(now)} rollout ${after.id} ${after.state}${whyAfter(after)}: ${totalsOf(after)}`);
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

/** What was done to a host, and what is to be said of it. */
export function detail(host: RolloutHostDocument): string {
  const steps = host.steps.map((step) => {
    const evidence = step.outcome === "done" || step.evidence === "" ? "" : ` (${step.evidence})`;
    return `${step.remedy.kind} ${step.remedy.target} ${step.outcome}${evidence}`;
  });
  const parts = [...steps, ...(remark(host) === "" ? [] : [remark(host)])];
  return parts.length === 0 ? "" : `: ${parts.join("; ")}`;
}

/** Waves that went on since, and what hosts began or ceased to wait for, beside their turn. */
export function outlookChanges(before: Followed | null, after: Followed, now: number): readonly string[] {
  const [was, is] = [before?.outlook ?? null, after.outlook];
  if (is === null) return [];
  const known = new Map(was?.waves.map((wave) => [wave.name, wave.state]));
  const waves = is.waves
    .filter((wave) => is.waves.length > 1 && known.get(wave.name) !== wave.state)
    .filter((wave) => was !== null || wave.state !== "blocked")
    .map((wave) => `wave ${wave.name} ${waveText(wave)}`);
  const [begun, ended] = [newWaits(was, is), newWaits(is, was)];
  const lines = [
    ...waves,
    ...begun.map(({ hosts, names, why }) => `${counted(hosts, "host")} (${names.join(", ")}) cannot begin: ${why}`),
    ...ended.map(({ kind }) => `no host is held back by a ${kind} any more`),
  ];
  return lines.map((line) => `${instant(now)} ${line}`);
}

/** Their turn, a person, a window and what a host says itself are told elsewhere. */
const TOLD_HERE: ReadonlySet<string> = new Set(["budget", "controller", "cordon"]);

function newWaits(before: OutlookDocument | null, after: OutlookDocument | null) {
  const had = new Set(before?.waits.map(({ kind }) => kind));
  const waits = (after?.waits ?? []).filter(({ kind }) => TOLD_HERE.has(kind) && !had.has(kind));
  return [...new Map(waits.map((wait) => [wait.kind, wait])).values()];
}

function waveText({ state, hosts, failed, bakeUntil }: WaveOutlookDocument): string {
  switch (state) {
    case "open":
      return `begins: ${counted(hosts, "host")}`;
    case "baking":
      return `has ended and is watched${bakeUntil === null ? "" : ` until ${instant(bakeUntil)}`}`;
    case "gated":
      return "waits for somebody to approve";
    case "passed":
      return `has passed${failed === 0 ? "" : `, ${failed} failed or lost`}`;
    default:
      return "waits for those before it";
  }
}

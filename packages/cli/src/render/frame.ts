import { isAtRest } from "@afterpatch/core/rollout/transitions";
import sliceAnsi from "slice-ansi";
import stringWidth from "string-width";
import type { OutlookDocument, WaitDocument, WaveOutlookDocument } from "../documents/outlook.ts";
import type { RolloutDocument, RolloutHostDocument } from "../documents/rollout.ts";
import type { Followed } from "../follow.ts";
import type { Paint } from "../shell.ts";
import { detail } from "./progress.ts";
import { colourOfHost, headline, totalsOf } from "./rollout.ts";
import { counted } from "./table.ts";
import { age } from "./time.ts";

const BAR = 12;
/** What a small terminal still shows of each part. */
const FEWEST = 1;
const plainPaint: Paint = (_colour, text) => text;

/**
 * What a terminal shows of a running rollout, in at most `rows - 1` lines of less than `columns` columns: where it stands and
 * when it likely ends, hosts by state, its waves, budgets in use, what waits for what, then the hosts at work or in trouble.
 */
export function frame(
  { rollout, outlook }: Followed,
  now: number,
  columns: number,
  rows: number,
  paint: Paint,
): readonly string[] {
  const totals = [totalsOf(rollout), ...times(rollout, outlook, now)].join(" | ");
  const head = [paint("bold", clipped(headline(rollout, plainPaint), columns)), clipped(totals, columns)];
  const most = Math.max(head.length, rows - 1);
  const parts = [
    waveLines(outlook, now),
    budgetLines(outlook),
    waitLines(outlook, now),
    hostLines(rollout, now, columns, paint),
  ];
  const room = shared(
    parts.map((lines) => lines.length),
    most - head.length,
  );
  const body = parts.flatMap((lines, index) => cut(lines, room[index] ?? 0));
  return [...head, ...body.map((line) => clipped(line, columns))];
}

function times(rollout: RolloutDocument, outlook: OutlookDocument | null, now: number): readonly string[] {
  const parts: string[] = [];
  if (rollout.createdAt !== null) parts.push(`for ${seconds(now - rollout.createdAt)}`);
  const endsAt = outlook?.endsAt ?? null;
  if (endsAt !== null) parts.push(`ends about ${clock(endsAt)}, in ${seconds(Math.max(1_000, endsAt - now))}`);
  return parts;
}

function waveLines(outlook: OutlookDocument | null, now: number): readonly string[] {
  const waves = outlook?.waves ?? [];
  const widest = Math.max(0, ...waves.map(({ name }) => stringWidth(name)));
  return waves.map((wave) => {
    const { name, hosts, ended, inHand, failed } = wave;
    const filled = hosts === 0 ? BAR : Math.floor((ended / hosts) * BAR);
    const bar = `[${"#".repeat(filled)}${".".repeat(BAR - filled)}]`;
    const words = [stateOf(wave, now)];
    if (inHand > 0) words.push(`${inHand} in hand`);
    if (failed > 0) words.push(`${failed} failed or lost`);
    const padding = " ".repeat(widest - stringWidth(name));
    return `wave ${name}${padding} ${bar} ${ended}/${hosts} ${words.filter((word) => word !== "").join(", ")}`.trimEnd();
  });
}

function stateOf({ state, after, bakeUntil, hosts, ended }: WaveOutlookDocument, now: number): string {
  switch (state) {
    case "blocked":
      return `after ${after.join(", ")}`;
    case "baking":
      return bakeUntil === null ? "watched" : `watched until ${clock(bakeUntil)}, for ${seconds(bakeUntil - now)} more`;
    case "gated":
      return "waits for somebody to approve ('afterpatch rollout approve')";
    case "passed":
      return hosts === ended ? "done" : "";
    default:
      return "";
  }
}

function budgetLines(outlook: OutlookDocument | null): readonly string[] {
  return (outlook?.budgets ?? []).map(({ name, group, charged, most }) => {
    const of = group === "" ? name : `${name} (${group})`;
    return `budget ${of}: ${charged} of ${most} unavailable${charged >= most ? ", full" : ""}`;
  });
}

function waitLines(outlook: OutlookDocument | null, now: number): readonly string[] {
  return (outlook?.waits ?? []).map((wait) => {
    const until = wait.until === null ? "" : ` (until ${clock(wait.until)}, ${seconds(wait.until - now)})`;
    return `${counted(wait.hosts, "host")} ${wait.hosts === 1 ? "waits" : "wait"}${namesOf(wait)}: ${wait.why}${until}`;
  });
}

function namesOf({ names, hosts }: WaitDocument): string {
  if (names.length === 0) return "";
  return ` (${names.join(", ")}${hosts > names.length ? ", ..." : ""})`;
}

const WAITING: ReadonlySet<string> = new Set(["pending", "done"]);

/** Trouble first, then who is not touched, then what changed last. */
function hostLines(rollout: RolloutDocument, now: number, columns: number, paint: Paint): readonly string[] {
  const trouble = ({ state }: RolloutHostDocument) =>
    state === "failed" || state === "unreachable" ? 2 : state === "vetoed" ? 1 : isAtRest(state) ? -1 : 0;
  return rollout.hosts
    .filter(({ state }) => !WAITING.has(state))
    .toSorted((a, b) => trouble(b) - trouble(a) || (b.changedAt ?? 0) - (a.changedAt ?? 0))
    .map((host) => {
      const since = host.changedAt === null ? "" : ` for ${age(host.changedAt, now)}`;
      const text = clipped(`  ${host.name} ${host.state}${since}${detail(host)}`, columns);
      const colour = colourOfHost(host.state);
      return colour === undefined ? text : paint(colour, text);
    });
}

/** Every part gets what it needs as long as there is room; then the longest give way. */
function shared(needs: readonly number[], room: number): readonly number[] {
  const given = needs.map((need) => Math.min(need, FEWEST));
  let left = room - given.reduce((all, one) => all + one, 0);
  if (left < 0) return firstOf(given, room);
  for (let isGiving = true; isGiving && left > 0; ) {
    isGiving = false;
    for (const [index, need] of needs.entries()) {
      const has = given[index] ?? 0;
      if (left === 0 || has >= need) continue;
      given[index] = has + 1;
      left -= 1;
      isGiving = true;
    }
  }
  return given;
}

function firstOf(given: readonly number[], room: number): readonly number[] {
  let left = Math.max(0, room);
  return given.map((one) => {
    const gets = Math.min(one, left);
    left -= gets;
    return gets;
  });
}

function cut(lines: readonly string[], room: number): readonly string[] {
  if (lines.length <= room) return lines;
  return room < 2 ? lines.slice(0, room) : [...lines.slice(0, room - 1), `  and ${lines.length - room + 1} more`];
}

/** Never as wide as the window: some terminals wrap then. */
function clipped(text: string, columns: number): string {
  const most = Math.max(1, columns - 1);
  return stringWidth(text) <= most ? text : `${sliceAnsi(text, 0, Math.max(0, most - 1))}…`;
}

/** In its two largest units: `1h2m`, `1m5s`, `5s`. */
function seconds(ms: number): string {
  const all = Math.max(0, Math.round(ms / 1_000));
  const [days, hours, minutes] = [Math.floor(all / 86_400), Math.floor(all / 3_600) % 24, Math.floor(all / 60) % 60];
  const units = [`${days}d`, `${hours}h`, `${minutes}m`, `${all % 60}s`];
  const first = units.findIndex((unit) => !unit.startsWith("0"));
  const shown = (first < 0 ? units.slice(-1) : units.slice(first, first + 2)).filter((unit) => !/^0[dhm]/.test(unit));
  return shown.length > 1 ? shown.filter((unit) => unit !== "0s").join("") : shown.join("");
}

/** Of this machine's zone, as the clock on the wall. */
function clock(at: number): string {
  const date = new Date(at);
  return [date.getHours(), date.getMinutes()].map((part) => String(part).padStart(2, "0")).join(":");
}

import { isTimeZone } from "@afterpatch/core/policy/zone";
import { instantText } from "@afterpatch/core/policy/window";
import type { HoldDocument } from "../documents/holds.ts";
import type { HoursDocument, OpeningDocument, WindowsDocument } from "../documents/windows.ts";
import type { Paint } from "../shell.ts";
import { holdText } from "./holds.ts";
import { table } from "./table.ts";
import { instant } from "./time.ts";

/** Whether hosts may begin, and the next openings in UTC and by the clocks of their zone. */
export function renderWindows({ hours, fleetFreeze }: WindowsDocument, paint: Paint): string {
  const parts = hours.map((one) => renderHours(one, paint));
  if (fleetFreeze !== null) parts.unshift(`${paint("red", "The fleet is frozen")} ${holdText(fleetFreeze)}\n`);
  if (hours.length === 0) parts.push("No rollout is open; name one, or give a file (-f FILE).\n");
  return parts.join("\n");
}

/** `open now until 2026-11-28T23:00:00Z` */
function stateText({ why, openUntil, isAlways }: HoursDocument, paint: Paint): string {
  const end = openUntil === null ? "" : ` until ${instant(openUntil)}`;
  const always = isAlways ? "; it has no window" : "";
  return why === "" ? `${paint("green", "open")} now${end}${always}` : `${paint("yellow", "closed")}: ${why}${always}`;
}

/** What a plan says of its file's windows and freezes; nothing where it has neither. */
export function hoursLines(
  hours: HoursDocument | null,
  fleetFreeze: HoldDocument | null,
  paint: Paint,
): readonly string[] {
  const frozen =
    fleetFreeze === null ? [] : [`${paint("red", "The fleet is frozen")} ${holdText(fleetFreeze)}: nothing begins`];
  if (hours === null || (hours.isAlways && hours.freezes.length === 0)) return frozen;
  const openings = hours.next.map(
    (one) =>
      `  ${local(one.from, one.tz)} to ${local(one.until, one.tz)} (${instant(one.from)} to ${instant(one.until)})${one.cutBy.length > 0 ? `, frozen: ${cuts(one)}` : ""}`,
  );
  const freezes = hours.freezes.map(
    ({ from, until, reason }) => `  frozen ${instant(from)} to ${instant(until)}${reason === "" ? "" : ` (${reason})`}`,
  );
  return [...frozen, `Windows: ${stateText(hours, paint)}`, ...openings, ...freezes];
}

function renderHours(hours: HoursDocument, paint: Paint): string {
  const { rollout, name, next } = hours;
  const title = rollout === null ? `File ${name}`.trim() : `Rollout ${rollout}${name === "" ? "" : ` (${name})`}`;
  const state = stateText(hours, paint);
  if (next.length === 0) return `${title}: ${state}\n`;
  const columns = ["FROM (UTC)", "UNTIL (UTC)", "FROM (LOCAL)", "UNTIL (LOCAL)", "LAST START", "FREEZES"];
  const rows = next.map((opening) =>
    [
      instant(opening.from),
      instant(opening.until),
      local(opening.from, opening.tz),
      local(opening.until, opening.tz),
      opening.lastStart === null ? "auto" : instant(opening.lastStart),
      cuts(opening),
    ].map((text) => ({ text })),
  );
  return `${title}: ${state}\n${table(
    columns.map((text) => ({ title: text })),
    rows,
    paint,
  )}`;
}

/** A zone that this machine does not know is shown by its name alone. */
function local(at: number, tz: string): string {
  return isTimeZone(tz) ? instantText(at, tz) : tz;
}

function cuts({ from, until, cutBy }: OpeningDocument): string {
  const texts = cutBy.map((cut) => {
    const reason = cut.reason === "" ? "" : ` (${cut.reason})`;
    if (cut.from <= from && until <= cut.until) return `all of it${reason}`;
    return `${instant(Math.max(from, cut.from))} to ${instant(Math.min(until, cut.until))}${reason}`;
  });
  return texts.join(", ") || "-";
}

import { isTimeZone } from "@afterpatch/core/policy/zone";
import { instantText } from "@afterpatch/core/policy/window";
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

function renderHours(hours: HoursDocument, paint: Paint): string {
  const { rollout, name, why, openUntil, isAlways, next } = hours;
  const title = rollout === null ? `File ${name}`.trim() : `Rollout ${rollout}${name === "" ? "" : ` (${name})`}`;
  const end = openUntil === null ? "" : ` until ${instant(openUntil)}`;
  const always = isAlways ? "; it has no window" : "";
  const state =
    why === "" ? `${paint("green", "open")} now${end}${always}` : `${paint("yellow", "closed")}: ${why}${always}`;
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

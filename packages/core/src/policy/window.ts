import { WEEKDAYS } from "./agent-file.ts";
import type { Window } from "./types.ts";
import { dateText, timeText, weekdayOf, zoneOf } from "./zone.ts";

const DAY_MS = 86_400_000;
/** Every weekday comes within a week; one more for clocks that are set forward over it. */
const DAYS_AHEAD = 8;

/** Null: acting is allowed now. Otherwise a sentence with the next opening. Instants are epoch milliseconds. */
export function outsideOfWindows(windows: readonly Window[], now: number): string | null {
  if (windows.length === 0 || windows.some((window) => isOpen(window, now))) return null;
  const openings = windows.flatMap((window) => {
    const at = nextOpening(window, now);
    return at === null ? [] : [{ at, tz: window.tz }];
  });
  const [first] = openings.sort((a, b) => a.at - b.at);
  const next = first ? `the next one opens ${instantText(first.at, first.tz)}` : "none opens within a week";
  return `it is ${instantText(now, windows[0]?.tz ?? "UTC")}, outside of every window (windows); ${next}`;
}

export function isOpen(window: Window, now: number): boolean {
  return openUntil(window, now) !== null;
}

/** When the window closes that is open now, the latest where several openings overlap; null: it is not open. */
export function openUntil(window: Window, now: number): number | null {
  const daysBack = Math.ceil(window.durationMs / DAY_MS) + 1;
  const open = openings(window, now, -daysBack, 1).filter((at) => at <= now && now < at + window.durationMs);
  return open.length === 0 ? null : Math.max(...open) + window.durationMs;
}

/** The first opening after `now`, or null when none is near. */
export function nextOpening(window: Window, now: number): number | null {
  const ahead = openings(window, now, 0, DAYS_AHEAD).filter((at) => at > now);
  return ahead.length === 0 ? null : Math.min(...ahead);
}

/** Openings on the days from `first` to `last`, counted from today in the window's zone. */
function openings({ days, startMinute, tz }: Window, now: number, first: number, last: number): readonly number[] {
  const zone = zoneOf(tz);
  const today = zone.localTime(now).day;
  const found: number[] = [];
  for (let day = today + first; day <= today + last; day++) {
    const weekday = WEEKDAYS[weekdayOf(day)];
    if (weekday !== undefined && days.includes(weekday)) found.push(zone.instantOf({ day, minute: startMinute }));
  }
  return found;
}

/** `sat 2026-11-28 22:00 Europe/Paris` */
export function instantText(at: number, tz: string): string {
  const { day, minute } = zoneOf(tz).localTime(at);
  return `${WEEKDAYS[weekdayOf(day)]} ${dateText(day)} ${timeText(minute)} ${tz}`;
}

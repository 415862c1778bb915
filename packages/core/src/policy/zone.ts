// Clocks of time zones, through the zone data that the runtime brings. A day is counted from 1970-01-01.

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
/** No zone is further from another one, nor does any clock step further. */
const WIDEST_STEP_MS = 26 * 3_600_000;

export interface LocalTime {
  /** Days since 1970-01-01. */
  readonly day: number;
  /** Since midnight. */
  readonly minute: number;
}

/** A name of the IANA database, or one that stands for it. */
export function isTimeZone(tz: string): boolean {
  // Also accepts offsets such as +02:00, which know no daylight saving time and are nobody's zone.
  if (!/^[A-Za-z]/.test(tz)) return false;
  try {
    new Intl.DateTimeFormat("en-US", { timeZone: tz });
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

export interface Zone {
  localTime(at: number): LocalTime;
  /**
   * When the clocks of the zone show a time of day: the first of two where they are set back, and where they are set
   * forward over it the first minute after.
   */
  instantOf(local: LocalTime): number;
}

/** `tz` is one that `isTimeZone` knows. */
export function zoneOf(tz: string): Zone {
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone: tz,
    calendar: "gregory",
    numberingSystem: "latn",
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  });

  /** What the clocks show minus UTC. */
  const offsetAt = (at: number): number => {
    const parts = new Map(format.formatToParts(at).map(({ type, value }) => [type, Number(value)]));
    const part = (type: Intl.DateTimeFormatPartTypes) => parts.get(type) ?? 0;
    const day = dayOf(part("year"), part("month"), part("day"));
    const seconds = part("hour") * 3600 + part("minute") * 60 + part("second");
    return day * DAY_MS + seconds * 1000 - Math.floor(at / 1000) * 1000;
  };

  return {
    localTime(at) {
      const shown = at + offsetAt(at);
      const day = Math.floor(shown / DAY_MS);
      return { day, minute: Math.floor((shown - day * DAY_MS) / MINUTE_MS) };
    },
    instantOf({ day, minute }) {
      const wanted = day * DAY_MS + minute * MINUTE_MS;
      const before = offsetAt(wanted - WIDEST_STEP_MS);
      const after = offsetAt(wanted + WIDEST_STEP_MS);
      const found = [wanted - before, wanted - after].filter((at) => at + offsetAt(at) === wanted);
      if (found.length > 0) return Math.min(...found);
      // Skipped: the clocks step between these two instants.
      let [low, high] = [wanted - Math.max(before, after), wanted - Math.min(before, after)];
      while (high - low > MINUTE_MS) {
        const middle = low + Math.floor((high - low) / 2 / MINUTE_MS) * MINUTE_MS;
        if (offsetAt(middle) === before) low = middle;
        else high = middle;
      }
      return high;
    },
  };
}

/** Days since 1970-01-01 of a date of the Gregorian calendar. Years begin in March, so that leap days come last. */
export function dayOf(year: number, month: number, date: number): number {
  const from = month > 2 ? year : year - 1;
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + date - 1;
  const leapDays = Math.floor(from / 4) - Math.floor(from / 100) + Math.floor(from / 400);
  return from * 365 + leapDays + dayOfYear - 719_468;
}

/** 0 is Monday. */
export function weekdayOf(day: number): number {
  return (((day + 3) % 7) + 7) % 7;
}

/** `2026-11-28` */
export function dateText(day: number): string {
  // The inverse of dayOf, by the same March years.
  const since = day + 719_468;
  const era = Math.floor(since / 146_097);
  const inEra = since - era * 146_097;
  const yearOfEra = Math.floor(
    (inEra - Math.floor(inEra / 1460) + Math.floor(inEra / 36_524) - Math.floor(inEra / 146_096)) / 365,
  );
  const dayOfYear = inEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shifted = Math.floor((5 * dayOfYear + 2) / 153);
  const date = dayOfYear - Math.floor((153 * shifted + 2) / 5) + 1;
  const month = shifted < 10 ? shifted + 3 : shifted - 9;
  const year = era * 400 + yearOfEra + (month <= 2 ? 1 : 0);
  return `${year}-${two(month)}-${two(date)}`;
}

function two(number: number): string {
  return String(number).padStart(2, "0");
}

/** `22:05` */
export function timeText(minute: number): string {
  return `${two(Math.floor(minute / 60))}:${two(minute % 60)}`;
}

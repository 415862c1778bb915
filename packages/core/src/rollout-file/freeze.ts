import type { FileReader, KeyPath } from "../file-reader.ts";
import { dayOf, isTimeZone, zoneOf } from "../policy/zone.ts";
import type { FreezeInFile } from "./file.ts";
import type { FreezeSpec } from "./spec.ts";

/** `2026-12-24` or `2026-12-24 18:00`, by the clocks of the zone. */
const LOCAL =
  /^(?<year>20[0-9]{2})-(?<month>[0-9]{2})-(?<date>[0-9]{2})(?:[ T](?<hours>[0-9]{2}):(?<minutes>[0-9]{2}))?$/;

export function freezeOf(freeze: FreezeInFile, path: KeyPath, reader: Pick<FileReader, "wrong">): FreezeSpec {
  const { tz = "UTC", reason = "" } = freeze;
  const isZone = isTimeZone(tz);
  if (!isZone) reader.wrong([...path, "tz"], `${tz} is not a time zone; write one like Europe/Paris or UTC`);
  const from = instantOf(freeze.from, isZone ? tz : "UTC");
  const until = instantOf(freeze.until, isZone ? tz : "UTC");
  for (const [key, at] of [
    ["from", from],
    ["until", until],
  ] as const) {
    if (at === null) reader.wrong([...path, key], `${freeze[key]} is not a time like 2026-12-24 18:00`);
  }
  if (from !== null && until !== null && until <= from) reader.wrong([...path, "until"], "is not after from");
  return { from: from ?? 0, until: until ?? 0, reason };
}

function instantOf(text: string, tz: string): number | null {
  const parts = LOCAL.exec(text)?.groups;
  if (!parts) return null;
  const [year, month, date, hours, minutes] = ["year", "month", "date", "hours", "minutes"].map((key) =>
    Number(parts[key] ?? 0),
  );
  if (year === undefined || month === undefined || date === undefined) return null;
  if (month < 1 || month > 12 || date < 1 || date > daysIn(year, month)) return null;
  if ((hours ?? 0) > 23 || (minutes ?? 0) > 59) return null;
  return zoneOf(tz).instantOf({ day: dayOf(year, month, date), minute: (hours ?? 0) * 60 + (minutes ?? 0) });
}

function daysIn(year: number, month: number): number {
  return month === 12 ? 31 : dayOf(year, month + 1, 1) - dayOf(year, month, 1);
}

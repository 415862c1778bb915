import { echoed } from "./text.ts";

const UNITS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
type Unit = keyof typeof UNITS;

/** Longest time accepted in files and flags: ten years, far below what a timer or a timestamp can hold. */
const LONGEST_MS = 3650 * UNITS.d;

/** Milliseconds of `90s`, `5m`, `2h` or `7d`. Throws an Error that says what is accepted. */
export function parseDuration(text: string): number {
  const match = /^([0-9]{1,9})([smhd])$/.exec(text);
  const [, count, unit] = match ?? [];
  if (count === undefined || !isUnit(unit)) {
    throw new Error(`${echoed(text)} is not a duration; write a whole number and s, m, h or d, like 90s or 5m`);
  }
  const ms = Number(count) * UNITS[unit];
  if (ms > LONGEST_MS) throw new Error(`${echoed(text)} is too long; the longest duration is 3650d`);
  return ms;
}

/** The same notation back, in the largest unit that is exact; milliseconds that are no whole second as `1.5s`. */
export function formatDuration(ms: number): string {
  if (ms !== 0) {
    for (const unit of ["d", "h", "m"] as const) if (ms % UNITS[unit] === 0) return `${ms / UNITS[unit]}${unit}`;
  }
  return `${ms / UNITS.s}s`;
}

function isUnit(text: string | undefined): text is Unit {
  return text !== undefined && text in UNITS;
}

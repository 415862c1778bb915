const UNITS: ReadonlyMap<string, number> = new Map([
  ["us", 0.001],
  ["ms", 1],
  ["s", 1000],
  ["min", 60_000],
  ["h", 3_600_000],
  ["d", 86_400_000],
  ["w", 7 * 86_400_000],
  ["month", 2_629_800_000],
  ["y", 31_557_600_000],
]);

/** Milliseconds of a time span as `systemctl show` prints it, `1min 30s`; Infinity for `infinity`, null when it is none. */
export function timespanMs(text: string): number | null {
  if (text === "infinity") return Number.POSITIVE_INFINITY;
  if (text === "0") return 0;
  let sum = 0;
  for (const part of text.split(" ")) {
    const [, count, unit = ""] = /^([0-9]+(?:\.[0-9]+)?)([a-z]+)$/.exec(part) ?? [];
    const factor = UNITS.get(unit);
    if (count === undefined || factor === undefined) return null;
    sum += Number(count) * factor;
  }
  return sum;
}

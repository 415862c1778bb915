import { splitNevra } from "./dnf-log.ts";
import { type Change, type Loose, withEarlier } from "./history.ts";

// Jan 24 18:10:05 Updated: 1:openssl-libs-1.0.1e-51.el7_2.5.x86_64
const LINE = /^([A-Z][a-z]{2}) ( ?\d{1,2}) (\d\d:\d\d:\d\d) (Installed|Updated|Dep-Installed|Erased): (\S+)$/;
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const DAY_MS = 86_400_000;
const YEAR_MS = 365.2425 * DAY_MS;

/** What yum.log needs to be understood: it says neither the year nor what was there before. */
export interface YumLog {
  readonly text: string;
  /** When it was written to last, epoch milliseconds: its last line is of that time. */
  readonly lastAt: number;
  /** Turns `2026-11-22 18:39:35`, in the local time of the host, to epoch milliseconds. */
  readonly instantOf: (local: string) => number;
}

export function parseYumLog(log: YumLog, wanted: ReadonlySet<string>): readonly Change[] {
  return withEarlier(
    dated(log).flatMap(({ at, verb, nevra }): readonly Loose[] => {
      const [, epoch = "", plain = ""] = /^(?:(\d+):)?(.*)$/.exec(nevra) ?? [];
      const change = { startedAt: at, endedAt: at + 1000 };
      // What was erased is named without its version.
      if (verb === "Erased") return wanted.has(nevra) ? [{ ...change, name: nevra, architecture: null, to: null }] : [];
      const parts = splitNevra(plain);
      if (parts === null || !wanted.has(parts.name)) return [];
      const version = epoch === "" || epoch === "0" ? parts.version : `${epoch}:${parts.version}`;
      const isNew = verb !== "Updated" ? { from: null } : {};
      return [{ ...change, name: parts.name, architecture: parts.architecture, to: version, ...isNew }];
    }),
  );
}

/** The first instant of the log, or null. */
export function firstOfYumLog(log: YumLog): number | null {
  return dated(log)[0]?.at ?? null;
}

/** Every line with its year: the last is not later than the file, and no line is later than the one below it. */
function dated({ text, lastAt, instantOf }: YumLog) {
  const lines = text.split("\n").flatMap((line) => {
    const [, month = "", day = "", time = "", verb = "", nevra = ""] =
      (line.length > 1024 ? null : LINE.exec(line)) ?? [];
    const number = MONTHS.indexOf(month) + 1;
    return number === 0 ? [] : [{ number, day: Number(day), time, verb, nevra }];
  });
  let limit = lastAt + DAY_MS;
  let year = 1970 + Math.floor(lastAt / YEAR_MS) + 1; // of all years the latest it can be
  const result: { at: number; verb: string; nevra: string }[] = [];
  for (const { number, day, time, verb, nevra } of lines.toReversed()) {
    const two = (value: number) => String(value).padStart(2, "0");
    const at = () => instantOf(`${year}-${two(number)}-${two(day)} ${time}`);
    for (let tries = 0; tries < 3 && at() > limit; tries++) year -= 1;
    const instant = at();
    // A clock that was set back an hour is no year.
    if (!Number.isNaN(instant)) limit = instant + DAY_MS;
    result.push({ at: instant, verb, nevra });
  }
  return result.toReversed();
}

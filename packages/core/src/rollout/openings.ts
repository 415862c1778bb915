import { nextOpening, openUntil } from "../policy/window.ts";
import type { FreezeSpec, WindowSpec } from "../rollout-file/spec.ts";
import { closedAt, type Hours } from "./hours.ts";

/** One time in which hosts may begin. Instants are epoch milliseconds. */
export interface Opening {
  readonly from: number;
  readonly until: number;
  readonly tz: string;
  /** The last moment to begin; null: as long before the end as hosts take. */
  readonly lastStart: number | null;
  /** Freezes of the file that lie in it: nothing begins in them. */
  readonly cutBy: readonly FreezeSpec[];
}

/** Whether hosts may begin now, and when they may next. */
export interface Openings {
  /** Null: they may. */
  readonly closed: string | null;
  /** While they may: until when; null: nothing says. */
  readonly openUntil: number | null;
  /** The one that is open now first; none where no window was given, for then it is always open. */
  readonly next: readonly Opening[];
}

/** The next `count` openings of all windows together, those that overlap each by itself. `hostMs`: see closedAt. */
export function openingsOf(hours: Hours, now: number, hostMs: number, count: number): Openings {
  const { windows, freeze } = hours;
  const closed = closedAt(hours, now, hostMs);
  const next = windows
    .flatMap((window) => openingsOfWindow(window, now, count).map((from) => openingAt(window, from, freeze)))
    .sort((a, b) => a.from - b.from || a.until - b.until)
    .slice(0, count);
  return { closed: closed?.why ?? null, openUntil: closed === null ? endOf(hours, now) : null, next };
}

function openingsOfWindow(window: WindowSpec, now: number, count: number): readonly number[] {
  const end = openUntil(window, now);
  const found = end === null ? [] : [end - window.durationMs];
  for (let at = nextOpening(window, now); at !== null && found.length < count; at = nextOpening(window, at))
    found.push(at);
  return found;
}

function openingAt({ durationMs, lastStartMs, tz }: WindowSpec, from: number, freeze: readonly FreezeSpec[]): Opening {
  const until = from + durationMs;
  const cutBy = freeze.filter((one) => one.from < until && from < one.until);
  return { from, until, tz, lastStart: lastStartMs === null ? null : until - lastStartMs, cutBy };
}

/** The end of the window that is open, or the freeze that comes before it. */
function endOf({ windows, freeze }: Hours, now: number): number | null {
  const ends = windows.flatMap((window) => openUntil(window, now) ?? []);
  const frozen = freeze.map(({ from }) => from).filter((from) => from > now);
  const all = [...(ends.length > 0 ? [Math.max(...ends)] : []), ...frozen];
  return all.length === 0 ? null : Math.min(...all);
}

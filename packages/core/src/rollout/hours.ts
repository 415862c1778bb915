import { formatDuration } from "../duration.ts";
import { instantText, nextOpening, openUntil } from "../policy/window.ts";
import type { FreezeSpec, WindowSpec } from "../rollout-file/spec.ts";

/** Why no host may begin now. `opensAt`: when to look again, epoch milliseconds; null: not within a week. */
export interface Closed {
  readonly kind: "window" | "freeze";
  readonly why: string;
  readonly opensAt: number | null;
}

export interface Hours {
  /** Always where there is none. */
  readonly windows: readonly WindowSpec[];
  readonly freeze: readonly FreezeSpec[];
}

/** Of each window: for hosts that take longer than it. */
const AT_FIRST_MS = 10 * 60_000;
/** Before a freeze no longer than this is kept free, however long hosts take. */
const LONGEST_RUN_UP_MS = 3_600_000;

/**
 * May a host begin at `now`, epoch milliseconds of the controller's clock? `hostMs` is how long one is expected to take:
 * where a window says nothing else, none begins that would not have ended with it, nor before a freeze that it would run
 * into. A freeze beats every window.
 */
export function closedAt({ windows, freeze }: Hours, now: number, hostMs: number): Closed | null {
  const frozen = freeze.filter(({ from, until }) => from <= now && now < until);
  if (frozen.length > 0) {
    const until = Math.max(...frozen.map((one) => one.until));
    const reason = frozen.find((one) => one.reason !== "")?.reason;
    const why = `freeze until ${instantText(until, "UTC")}${reason === undefined ? "" : ` (${reason})`}`;
    return { kind: "freeze", why, opensAt: until };
  }
  const coming = freeze.find(({ from }) => now < from && from < now + Math.min(hostMs, LONGEST_RUN_UP_MS));
  if (coming) {
    const why = `a freeze begins ${instantText(coming.from, "UTC")}, and a host takes ${formatDuration(hostMs)}`;
    return { kind: "freeze", why, opensAt: coming.until };
  }
  if (windows.length === 0) return null;
  const lateness = windows.flatMap((window) => {
    const end = openUntil(window, now);
    if (end === null) return [];
    // Hosts that take longer than that may still begin in the first part of the window, for they never would otherwise.
    const atFirstMs = Math.min(window.durationMs / 2, AT_FIRST_MS);
    const lastStartMs = window.lastStartMs ?? Math.min(hostMs, window.durationMs - atFirstMs);
    return [{ isLate: now > end - lastStartMs, end, lastStartMs, tz: window.tz }];
  });
  if (lateness.some(({ isLate }) => !isLate)) return null;
  const next = windows
    .flatMap((window) => {
      const at = nextOpening(window, now);
      return at === null ? [] : [{ at, tz: window.tz }];
    })
    .sort((a, b) => a.at - b.at)[0];
  const opens = next ? `the next one opens ${instantText(next.at, next.tz)}` : "none opens within a week";
  const [late] = lateness;
  const why = late
    ? `the window closes ${instantText(late.end, late.tz)}, and none begins in its last ${formatDuration(late.lastStartMs)}; ${opens}`
    : `outside of every window; ${opens}`;
  return { kind: "window", why, opensAt: next?.at ?? null };
}

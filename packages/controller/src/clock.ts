import type { Clock } from "./ports.ts";

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  // CLOCK_MONOTONIC, see clock_gettime(2): it stands still with a suspended machine, whose hosts then get their time back.
  steady: () => Math.round(performance.timeOrigin + performance.now()),
  after(ms, fn) {
    const timer = setTimeout(fn, Math.max(0, ms));
    return () => clearTimeout(timer);
  },
};

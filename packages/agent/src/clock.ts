import { uptime } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import type { Clock } from "./ports.ts";

export const systemClock: Clock = {
  now: Date.now,
  // libuv answers with the first number of /proc/uptime: CLOCK_BOOTTIME in hundredths of a second.
  sinceBootMs: () => Math.round(uptime() * 1000),
  async sleep(ms, signal) {
    try {
      await sleep(ms, undefined, signal ? { signal } : {});
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      throw error;
    }
  },
};

/** `2026-11-23 02:16:05 UTC`: without its date tomorrow reads as today. */
export function utcText(at: number): string {
  return new Date(at)
    .toISOString()
    .replace("T", " ")
    .replace(/\.[0-9]+Z$/, " UTC");
}

import type { PerformOptions } from "../ports.ts";

/** Whoever had to wait for longer before acting asks again. */
const MOMENT_MS = 2000;

/**
 * What speaks against an effect by now, where its vetoes were asked at `askedAt` (performance.now()) and it had to wait
 * since. Null: nothing, or it is only a moment ago.
 */
export async function obstacleSince(askedAt: number, ask: PerformOptions["obstacle"]): Promise<string | null> {
  if (performance.now() - askedAt < MOMENT_MS) return null;
  return (await ask?.()) ?? null;
}

import { setTimeout as sleep } from "node:timers/promises";

/** Asks until the answer is yes or the time is up. Says which. */
export async function waitUntil(
  isSo: () => boolean | Promise<boolean>,
  timeoutMs: number,
  everyMs: number,
): Promise<boolean> {
  const start = performance.now();
  while (!(await isSo())) {
    const left = timeoutMs - (performance.now() - start);
    if (left <= 0) return false;
    await sleep(Math.min(everyMs, left));
  }
  return true;
}

import type { Clock } from "@afterpatch/agent/ports";

export interface FakeClock extends Clock {
  pass(ms: number): void;
}

/** Time that passes only while somebody sleeps or when told to. */
export function fakeClock(startAt = 1_700_000_000_000): FakeClock {
  let sinceBootMs = 100_000;
  return {
    now: () => startAt + sinceBootMs,
    sinceBootMs: () => sinceBootMs,
    async sleep(ms, signal) {
      signal?.throwIfAborted();
      sinceBootMs += ms;
    },
    pass(ms) {
      sinceBootMs += ms;
    },
  };
}

import type { Clock } from "@afterpatch/agent/ports";

export interface FakeClock extends Clock {
  pass(ms: number): void;
  /** Somebody sets the clock on the wall; what counts from boot does not care. */
  step(ms: number): void;
  /** The host was down for so long and is back. */
  boot(downMs: number): void;
}

/** Time that passes only while somebody sleeps or when told to. */
export function fakeClock(startAt = 1_700_000_000_000): FakeClock {
  let sinceBootMs = 100_000;
  let now = startAt + sinceBootMs;
  const pass = (ms: number) => {
    now += ms;
    sinceBootMs += ms;
  };
  return {
    now: () => now,
    sinceBootMs: () => sinceBootMs,
    async sleep(ms, signal) {
      signal?.throwIfAborted();
      pass(ms);
    },
    pass,
    step(ms) {
      now += ms;
    },
    boot(downMs) {
      now += downMs;
      sinceBootMs = 0;
    },
  };
}

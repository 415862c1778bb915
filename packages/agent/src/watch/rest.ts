import type { Clock } from "../ports.ts";
import type { Changes } from "../session/reports.ts";

/** How often to look until the host is at rest. */
const TICK_MS = 2_000;

export interface RestDeps {
  readonly reason: Changes["reason"];
  readonly clock: Clock;
  /** What is watched as it is now: another text, and it changed. */
  readonly look: () => string;
  /** Somebody is at work on it. */
  readonly isBusy: () => boolean;
  /** Resolves after so long, or earlier when there may be something to see. */
  readonly wait: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Nothing has changed and nobody was at work for so long. */
  readonly quietMs: number;
  /** After the first change no longer than this. */
  readonly longestMs: number;
  /** How often to look when nothing is known to have changed: what the kernel does not tell of waits so long at most. */
  readonly lookMs: number;
}

/**
 * Waits for a change, and then until the host is at rest: a package manager's lock is free, and nothing changes any more.
 * A hundred packages make one change. Where there is no rest, because somebody left a package manager waiting for an
 * answer, or packages come one after the other all day, it is `longestMs`: a host that is busy is looked at too.
 */
export class Rest implements Changes {
  readonly reason: Changes["reason"];
  readonly #deps: RestDeps;
  #seen: string;
  /** Since boot: of the first change that was not answered, and when the last was seen or somebody was at work. */
  #change: { readonly first: number; last: number } | null = null;

  constructor(deps: RestDeps) {
    this.reason = deps.reason;
    this.#deps = deps;
    this.#seen = deps.look();
  }

  isPending(): boolean {
    return this.#change !== null;
  }

  async settled(signal: AbortSignal): Promise<void> {
    const { clock, wait, lookMs } = this.#deps;
    for (;;) {
      signal.throwIfAborted();
      if (this.#isAtRest(clock.sinceBootMs())) return;
      await (this.#change ? clock.sleep(TICK_MS, signal) : wait(lookMs, signal));
    }
  }

  #isAtRest(now: number): boolean {
    const { look, isBusy, quietMs, longestMs } = this.#deps;
    const seen = look();
    if (seen !== this.#seen) this.#change = { first: this.#change?.first ?? now, last: now };
    this.#seen = seen;
    if (!this.#change) return false;
    const busy = isBusy();
    if (busy) this.#change.last = now;
    if (now - this.#change.last < quietMs && now - this.#change.first < longestMs) return false;
    // Whoever is still at work will change more.
    this.#change = busy ? { first: now, last: now } : null;
    return true;
  }
}

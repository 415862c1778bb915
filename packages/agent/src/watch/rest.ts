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
  /** Absent: nobody says when the work comes to its end. */
  readonly hook?: Hook;
}

/** Who is at work says with it that there will be little more: a change that needs a shorter rest. */
export interface Hook {
  /** Another text: it was said once more. */
  readonly look: () => string;
  /** It was said for the first time since the host was at rest. */
  readonly woken: () => void;
  readonly quietMs: number;
  /** After it was said first, or was said and nobody was at work any more. */
  readonly longestMs: number;
  /** Between two that end for this reason. */
  readonly apartMs: number;
}

/** Since boot. */
interface Change {
  readonly first: number;
  /** When one was seen or somebody was at work. */
  last: number;
  /** Since when the hook has spoken and nobody has been at work; null: it has not spoken. */
  wokenAt: number | null;
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
  #said: string;
  /** What was not answered. */
  #change: Change | null = null;
  /** When the host was last at rest after the hook had spoken. */
  #answeredAt = Number.NEGATIVE_INFINITY;

  constructor(deps: RestDeps) {
    this.reason = deps.reason;
    this.#deps = deps;
    this.#seen = deps.look();
    this.#said = deps.hook?.look() ?? "";
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
    const change = this.#changed(now);
    if (!change) return false;
    const busy = this.#deps.isBusy();
    if (busy) change.last = now;
    if (busy && change.wokenAt !== null) change.wokenAt = now;
    if (!this.#isOver(change, busy, now)) return false;
    if (change.wokenAt !== null) this.#answeredAt = now;
    // Whoever is still at work will change more.
    this.#change = busy ? { first: now, last: now, wokenAt: null } : null;
    return true;
  }

  #changed(now: number): Change | null {
    const { look, hook } = this.#deps;
    const [seen, said] = [look(), hook?.look() ?? ""];
    const isSaid = said !== this.#said;
    if (isSaid || seen !== this.#seen) {
      this.#change ??= { first: now, last: now, wokenAt: null };
      this.#change.last = now;
    }
    if (isSaid && this.#change?.wokenAt === null) {
      this.#change.wokenAt = now;
      hook?.woken();
    }
    this.#seen = seen;
    this.#said = said;
    return this.#change;
  }

  #isOver({ first, last, wokenAt }: Change, busy: boolean, now: number): boolean {
    const { quietMs, longestMs, hook } = this.#deps;
    if (now - first >= longestMs) return true;
    if (!hook || wokenAt === null) return now - last >= quietMs;
    if (busy || now - this.#answeredAt < hook.apartMs) return false;
    return now - last >= hook.quietMs || now - wokenAt >= hook.longestMs;
  }
}

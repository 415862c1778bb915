/** How often something may happen: on average, and at once after a pause. */
export interface Rate {
  readonly perSecond: number;
  readonly burst: number;
}

/** Calls of one peer at the fleet port: a person or a program at work does a few. */
export const CALLS: Rate = { perSecond: 50, burst: 300 };
/** Calls from one address at the enrol port: behind one there may be a whole fleet. */
export const ENROL_CALLS: Rate = { perSecond: 40, burst: 400 };
/** Messages of one agent: each is at least one write to the disk. */
export const MESSAGES: Rate = { perSecond: 100, burst: 1_000 };

/** A token bucket, full at first. `now` is milliseconds of any clock that is not stepped. */
export class Bucket {
  readonly #rate: Rate;
  #left: number;
  #at: number;

  constructor(rate: Rate, now: number) {
    this.#rate = rate;
    this.#left = rate.burst;
    this.#at = now;
  }

  /** Takes one; answers for how many milliseconds it has to wait for that, 0 mostly. */
  take(now: number): number {
    this.#fill(now);
    this.#left -= 1;
    return this.#left >= 0 ? 0 : Math.ceil((-this.#left / this.#rate.perSecond) * 1000);
  }

  /** Takes one only where it need not wait. */
  takeNow(now: number): boolean {
    this.#fill(now);
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }

  isFull(now: number): boolean {
    this.#fill(now);
    return this.#left >= this.#rate.burst;
  }

  #fill(now: number): void {
    const { perSecond, burst } = this.#rate;
    this.#left = Math.min(burst, this.#left + (Math.max(0, now - this.#at) / 1000) * perSecond);
    this.#at = now;
  }
}

/** So many peers are looked at before those are forgotten that have been quiet. */
const MOST_KEYS = 10_000;

/** A bucket for each peer. */
export class Rates {
  readonly #rate: Rate;
  readonly #buckets = new Map<string, Bucket>();

  constructor(rate: Rate) {
    this.#rate = rate;
  }

  allows(key: string, now: number): boolean {
    const known = this.#buckets.get(key);
    const bucket = known ?? new Bucket(this.#rate, now);
    if (!known) {
      if (this.#buckets.size >= MOST_KEYS) this.#forgetQuiet(now);
      this.#buckets.set(key, bucket);
    }
    return bucket.takeNow(now);
  }

  #forgetQuiet(now: number): void {
    for (const [key, bucket] of this.#buckets) if (bucket.isFull(now)) this.#buckets.delete(key);
  }
}

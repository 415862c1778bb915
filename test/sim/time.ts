interface Entry {
  readonly at: number;
  readonly seq: number;
  readonly fn: () => void;
}

/** Time that passes only when nothing is left to do at this instant. One queue for the whole simulated world. */
export class VirtualTime {
  #now: number;
  #seq = 0;
  #queue: Entry[] = [];

  constructor(startAt = 1_790_000_000_000) {
    this.#now = startAt;
  }

  now(): number {
    return this.#now;
  }

  after(ms: number, fn: () => void): () => void {
    const entry = { at: this.#now + Math.max(0, Math.round(ms)), seq: this.#seq++, fn };
    this.#queue.push(entry);
    return () => {
      this.#queue = this.#queue.filter((other) => other !== entry);
    };
  }

  /** Runs until `isDone`, or until `limitMs` of simulated time have passed; false in the second case. */
  async run(isDone: () => boolean, limitMs: number): Promise<boolean> {
    const end = this.#now + limitMs;
    for (;;) {
      await settled();
      if (isDone()) return true;
      const next = this.#queue.reduce<Entry | null>(
        (first, entry) =>
          first === null || entry.at < first.at || (entry.at === first.at && entry.seq < first.seq) ? entry : first,
        null,
      );
      if (!next || next.at > end) return false;
      this.#queue = this.#queue.filter((entry) => entry !== next);
      this.#now = next.at;
      next.fn();
    }
  }
}

/** Lets all promises that can go on do so: nothing in the simulated world waits for anything but this queue. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

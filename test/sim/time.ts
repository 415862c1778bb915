interface Entry {
  readonly at: number;
  readonly seq: number;
  /** Null: cancelled. */
  fn: (() => void) | null;
}

/** Time that passes only when nothing is left to do at this instant. One queue for the whole simulated world. */
export class VirtualTime {
  #now: number;
  #seq = 0;
  /** A binary heap: none comes before the one at half its place. */
  readonly #heap: Entry[] = [];

  constructor(startAt = 1_790_000_000_000) {
    this.#now = startAt;
  }

  now(): number {
    return this.#now;
  }

  after(ms: number, fn: () => void): () => void {
    const entry: Entry = { at: this.#now + Math.max(0, Math.ceil(ms)), seq: this.#seq++, fn };
    this.#push(entry);
    return () => {
      entry.fn = null;
    };
  }

  /** Runs until `isDone`, or until `limitMs` of simulated time have passed; false in the second case. */
  async run(isDone: () => boolean, limitMs: number): Promise<boolean> {
    const end = this.#now + limitMs;
    for (;;) {
      await settled();
      if (isDone()) return true;
      const next = this.#next();
      if (!next || next.at > end) return false;
      this.#pop();
      this.#now = next.at;
      next.fn?.();
    }
  }

  /** The first one that was not cancelled. It stays where it is. */
  #next(): Entry | undefined {
    while (this.#heap[0]?.fn === null) this.#pop();
    return this.#heap[0];
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let place = heap.length;
    heap.push(entry);
    while (place > 0) {
      const parent = (place - 1) >> 1;
      const above = heap[parent];
      if (!above || !comesBefore(entry, above)) break;
      heap[place] = above;
      place = parent;
    }
    heap[place] = entry;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (!last || heap.length === 0) return;
    let place = 0;
    for (;;) {
      const [left, right] = [heap[2 * place + 1], heap[2 * place + 2]];
      const isRight = left !== undefined && right !== undefined && comesBefore(right, left);
      const below = isRight ? right : left;
      if (!below || !comesBefore(below, last)) break;
      heap[place] = below;
      place = 2 * place + (isRight ? 2 : 1);
    }
    heap[place] = last;
  }
}

function comesBefore(a: Entry, b: Entry): boolean {
  return a.at < b.at || (a.at === b.at && a.seq < b.seq);
}

/** Lets all promises that can go on do so: nothing in the simulated world waits for anything but this queue. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

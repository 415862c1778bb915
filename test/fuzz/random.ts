/** A seeded generator (mulberry32), so that what is found can be found again. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** 0 to 1, without 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  /** 0 to `most`, without it. */
  below(most: number): number {
    return Math.floor(this.next() * most);
  }

  pick<T>(items: readonly [T, ...T[]]): T {
    return items[this.below(items.length)] ?? items[0];
  }

  bytes(count: number): Buffer {
    const bytes = Buffer.alloc(count);
    for (let at = 0; at < count; at++) bytes[at] = this.below(256);
    return bytes;
  }

  /** What an attacker or a broken peer makes of good bytes: flipped, cut, repeated, or with something else in the middle. */
  damaged(good: Buffer): Buffer {
    let bytes = good;
    for (let edits = 1 + this.below(4); edits > 0; edits--) {
      const at = this.below(bytes.length + 1);
      const rest = bytes.subarray(Math.min(bytes.length, at + this.below(9)));
      const kind = this.below(5);
      if (kind === 0) bytes = Buffer.concat([bytes.subarray(0, at), this.bytes(this.below(9)), rest]);
      else if (kind === 1) bytes = bytes.subarray(0, at);
      else if (kind === 2) bytes = Buffer.concat([bytes.subarray(0, at), rest, bytes.subarray(at)]);
      else if (kind === 3) bytes = Buffer.concat([bytes.subarray(0, at), Buffer.alloc(10, 0xff), rest]);
      else if (bytes.length > 0) {
        bytes = Buffer.from(bytes);
        const flipped = this.below(bytes.length);
        bytes[flipped] = (bytes[flipped] ?? 0) ^ (1 << this.below(8));
      }
    }
    return bytes;
  }
}

/** What a host's reports said from one time to another, without a silence of an hour in between. */
export interface HeardSpan {
  readonly hostId: string;
  /** First and last report that said so, epoch milliseconds of the controller's clock. */
  readonly since: number;
  readonly heardAt: number;
  readonly hasOldCode: boolean;
  /** Null: unknown. */
  readonly reboot: boolean | null;
}

/** When a host was in the fleet; `until` null: it is. */
export interface Membership {
  readonly hostId: string;
  readonly from: number;
  readonly until: number | null;
}

/** The fleet as it was at the end of a bucket of time. */
export interface TrendBucket {
  readonly from: number;
  /** Of the last one: now. */
  readonly until: number;
  /** In the fleet at its end. */
  readonly hosts: number;
  readonly oldCode: number;
  readonly reboot: number;
  /** No report of them came in this bucket: nobody knows what they ran. */
  readonly unknown: number;
  /** Reported, and could not say whether they need a reboot. */
  readonly rebootUnknown: number;
}

/**
 * Buckets of `byMs` on whole multiples of it (UTC), from the one that `from` lies in to `now`. A host counts by its last
 * report in a bucket; one that has none there is unknown, whatever it said before. `spans` by host, in their order.
 */
export function trendOf(
  members: readonly Membership[],
  spans: readonly HeardSpan[],
  { from, now, byMs }: { readonly from: number; readonly now: number; readonly byMs: number },
): readonly TrendBucket[] {
  const first = Math.floor(from / byMs);
  const count = Math.max(0, Math.floor(now / byMs) - first + 1);
  const heard = lastHeard(spans, (at) => Math.floor(at / byMs) - first, count);
  return Array.from({ length: count }, (_, index) => {
    const start = (first + index) * byMs;
    const end = Math.min(start + byMs, now);
    const counts = { hosts: 0, oldCode: 0, reboot: 0, unknown: 0, rebootUnknown: 0 };
    for (const one of members) {
      if (one.from > end || (one.until !== null && one.until <= end)) continue;
      counts.hosts += 1;
      const said = heard.get(one.hostId)?.[index];
      if (said === undefined) counts.unknown += 1;
      else if (said.hasOldCode) counts.oldCode += 1;
      if (said?.reboot === true) counts.reboot += 1;
      if (said?.reboot === null) counts.rebootUnknown += 1;
    }
    return { from: start, until: end, ...counts };
  });
}

/** Of each host the last span that was heard in each bucket. */
function lastHeard(spans: readonly HeardSpan[], bucketOf: (at: number) => number, count: number) {
  const heard = new Map<string, (HeardSpan | undefined)[]>();
  for (const span of spans) {
    const buckets = heard.get(span.hostId) ?? new Array<HeardSpan | undefined>(count).fill(undefined);
    heard.set(span.hostId, buckets);
    const last = Math.min(count - 1, bucketOf(span.heardAt));
    for (let index = Math.max(0, bucketOf(span.since)); index <= last; index++) buckets[index] = span;
  }
  return heard;
}

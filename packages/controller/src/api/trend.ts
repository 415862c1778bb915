import { trendOf } from "@afterpatch/core/fleet/trend";
import { type Handlers, unary } from "@afterpatch/wire/rpc";
import type { controlService } from "@afterpatch/wire/services";
import type { Clock } from "../ports.ts";
import type { HistoryStore, Member } from "../store/history.ts";
import { selectedOf } from "./asked.ts";
import { refused } from "./refuse.ts";

type Control = Handlers<typeof controlService>;
export type TrendCalls = "getTrend";

const HOUR_MS = 3_600_000;
const MOST_BUCKETS = 2_000;

/** The fleet over time. */
export function trendHandlers(deps: {
  readonly history: HistoryStore;
  readonly clock: Pick<Clock, "now">;
}): Pick<Control, TrendCalls> {
  return {
    getTrend: unary(async ({ pattern, sinceMs, byMs, scope }) => {
      if (byMs !== HOUR_MS && byMs !== 24 * HOUR_MS) throw refused("bad-argument", "buckets are hours or days");
      if (sinceMs < 1 || sinceMs / byMs > MOST_BUCKETS)
        throw refused("bad-argument", `that is no time, or more than ${MOST_BUCKETS} buckets`);
      const now = deps.clock.now();
      const from = now - sinceMs;
      const first = Math.floor(from / byMs) * byMs;
      const { hosts, reached } = selectedOf(named(await deps.history.members(first)), pattern, scope);
      const spans = await deps.history.spans(first);
      return { buckets: [...trendOf(hosts, spans, { from, now, byMs })], reached };
    }),
  };
}

/** Also those that are gone, by the names that they had, but where another one has the name now. */
function named(members: readonly Member[]): readonly Member[] {
  const taken = new Set(members.filter(({ until }) => until === null).map(({ name }) => name));
  return members.map((one) => {
    if (one.until === null) return one;
    const name = taken.has(one.name) ? `${one.name}#${one.hostId}` : one.name;
    taken.add(name);
    return { ...one, name };
  });
}

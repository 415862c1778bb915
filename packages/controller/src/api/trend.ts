import { select } from "@afterpatch/core/fleet/select";
import { trendOf } from "@afterpatch/core/fleet/trend";
import { type Handlers, unary } from "@afterpatch/wire/rpc";
import type { controlService } from "@afterpatch/wire/services";
import type { Clock } from "../ports.ts";
import type { HistoryStore, Member } from "../store/history.ts";
import { refused, refuseSelection } from "./refuse.ts";

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
    getTrend: unary(async ({ pattern, sinceMs, byMs }) => {
      if (byMs !== HOUR_MS && byMs !== 24 * HOUR_MS) throw refused("bad-argument", "buckets are hours or days");
      if (sinceMs < 1 || sinceMs / byMs > MOST_BUCKETS)
        throw refused("bad-argument", `that is no time, or more than ${MOST_BUCKETS} buckets`);
      const now = deps.clock.now();
      const from = now - sinceMs;
      const first = Math.floor(from / byMs) * byMs;
      const members = wanted(pattern, await deps.history.members(first));
      const spans = await deps.history.spans(first);
      return { buckets: [...trendOf(members, spans, { from, now, byMs })] };
    }),
  };
}

/** Also those that are gone, by the names that they had, but where another one has the name now. */
function wanted(pattern: string, members: readonly Member[]): readonly Member[] {
  if (pattern === "") return members;
  const taken = new Set(members.filter(({ until }) => until === null).map(({ name }) => name));
  const named = members.map((one) => {
    if (one.until === null) return one;
    const name = taken.has(one.name) ? `${one.name}#${one.hostId}` : one.name;
    taken.add(name);
    return { ...one, name };
  });
  const selection = select(pattern, named);
  return selection.kind === "selected" ? selection.hosts : refuseSelection(pattern, selection);
}

import { setImmediate as nextTurn } from "node:timers/promises";
import { follow } from "@afterpatch/core/rollout/fold";
import type { RolloutView } from "@afterpatch/core/rollout/types";
import { echoed } from "@afterpatch/core/text";
import { reportedHosts, reportHead } from "@afterpatch/wire/convert/report-rollout";
import { drained, type Handlers, serverStream } from "@afterpatch/wire/rpc";
import type { controlService } from "@afterpatch/wire/services";
import { viewOf } from "../rollouts/stored.ts";
import type { Audit } from "../store/audit.ts";
import type { RolloutStore, StoredRollout } from "../store/rollout-store.ts";
import { refused } from "./refuse.ts";

export type ReportCalls = "reportRollout";

export interface ReportDeps {
  readonly rollouts: Pick<RolloutStore, "load" | "recent">;
  readonly audit: Pick<Audit, "head" | "ofRollout">;
}

/** Hosts in one message: whoever reads slowly has no more than these in the controller's memory. */
const PAGE = 200;

/** What an auditor is given of a rollout: from what is stored alone, so that it can be held against the audit log. */
export function reportHandlers(deps: ReportDeps): Pick<Handlers<typeof controlService>, ReportCalls> {
  return {
    reportRollout: serverStream(async ({ id }, stream) => {
      const stored = id === "" ? (await deps.rollouts.recent(1)).at(0) : await deps.rollouts.load(id);
      if (!stored) throw refused("not-found", id === "" ? "there is no rollout yet" : `no rollout ${echoed(id)}`);
      const view = await viewInTurns(stored);
      const [entries, head] = [await deps.audit.ofRollout(view.plan.id), await deps.audit.head()];
      stream.write({ head: reportHead(view, stored.events, entries, head), hosts: [] });
      const hosts = reportedHosts(view, stored.events, entries);
      for (let from = 0; from < hosts.length && !stream.cancelled; from += PAGE) {
        await drained(stream);
        stream.write({ head: null, hosts: hosts.slice(from, from + PAGE) });
      }
    }),
  };
}

/** Of 5,000 hosts these take some 25 ms. */
const EVENTS_AT_ONCE = 200;

/** As viewOf does it, but a large rollout takes seconds, in which others are to be answered too. */
async function viewInTurns({ plan, events }: StoredRollout): Promise<RolloutView> {
  let view = viewOf({ plan, events: [] });
  for (const [index, event] of events.entries()) {
    const after = follow(view, event);
    if (after.kind === "refused") throw new Error(`rollout ${plan.id}, event ${index + 1}: ${after.why}`);
    view = after.view;
    if (index % EVENTS_AT_ONCE === EVENTS_AT_ONCE - 1) await nextTurn();
  }
  return view;
}

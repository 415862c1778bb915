import { setTimeout as wait } from "node:timers/promises";
import { CommandError } from "@afterpatch/core/command-error";
import type { Control, WatchEventsRequest } from "./connection.ts";
import { type FleetEventDocument, fleetEventDocument } from "./documents/events.ts";

const FIRST_WAIT_MS = 200;
const LONGEST_WAIT_MS = 10_000;

export interface FollowingEvents {
  readonly signal: AbortSignal;
  /** Tells people what is no event: an outage, its end, or that events are no longer kept. */
  say(text: string): void;
}

/**
 * Events in their sequence, each once. While they are followed, an outage is waited for without end, and what happened in it
 * comes after it, from the last one on.
 */
export async function* followEvents(
  control: Control,
  wanted: WatchEventsRequest,
  { signal, say }: FollowingEvents,
): AsyncGenerator<FleetEventDocument, void> {
  let request = wanted;
  let [isKnown, isLost, waitMs] = [false, false, FIRST_WAIT_MS];
  while (!signal.aborted) {
    let why = "it ended the stream";
    try {
      for await (const { events, position, firstKept } of control.watchEvents(request, signal)) {
        if (isLost) say("the controller is back");
        const { since } = request;
        if (!isKnown && since > 0 && since + 1 < firstKept)
          say(`events ${since + 1} to ${firstKept - 1} are no longer kept: the stream begins after them`);
        [isKnown, isLost, waitMs] = [true, false, FIRST_WAIT_MS];
        for (const event of events) yield fleetEventDocument(event);
        // Not before they were taken: what is cut off in between comes again.
        request = { ...request, since: position, sinceAt: 0, fromNow: position === 0 && request.fromNow };
      }
      if (!wanted.follow) return;
    } catch (error) {
      if (!isKnown || !wanted.follow || !control.isPassing(error)) throw error;
      why = error instanceof CommandError ? error.why : String(error);
    }
    if (signal.aborted) return;
    if (!isLost) say(`lost the controller: ${why}; trying again until it is back`);
    isLost = true;
    // Up to twice as long, so that many do not come back at once.
    await wait(waitMs * (1 + Math.random()), undefined, { signal }).catch(() => undefined); // aborted: the loop ends
    waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS);
  }
}

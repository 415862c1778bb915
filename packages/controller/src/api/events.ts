import { eventToWire } from "@afterpatch/wire/convert/event";
import { type Handlers, unary } from "@afterpatch/wire/rpc";
import type { controlService } from "@afterpatch/wire/services";
import { echoed } from "@afterpatch/core/text";
import { viewOf } from "../rollouts/stored.ts";
import type { RolloutStore } from "../store/rollout-store.ts";
import { refused } from "./refuse.ts";

type Control = Handlers<typeof controlService>;
export type EventCalls = "listEvents";

/** The log of a rollout. */
export function eventHandlers(deps: { readonly rollouts: RolloutStore }): Pick<Control, EventCalls> {
  return { listEvents: unary(({ id }) => listEvents(deps.rollouts, id)) };
}

export async function listEvents(rollouts: RolloutStore, id: string) {
  const stored = await rollouts.load(id);
  if (!stored) throw refused("not-found", `no rollout ${echoed(id)}`);
  const view = viewOf(stored);
  return {
    rolloutId: stored.plan.id,
    events: stored.events.map((event, index) => eventToWire(event, index + 1, view)),
  };
}

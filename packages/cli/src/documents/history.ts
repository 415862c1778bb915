import { visible } from "@afterpatch/core/text";
import type { ListEventsResponse } from "../connection.ts";
import { type RolloutStepDocument, stepDocument } from "./rollout.ts";

/** `afterpatch.history/v1`: what happened to a rollout, as it was stored. */
export interface HistoryDocument {
  readonly schema: "afterpatch.history/v1";
  readonly rollout: string;
  readonly events: readonly EventDocument[];
}

/** What its type does not have is null, or empty. */
export interface EventDocument {
  /** From 1 without gaps. */
  readonly seq: number;
  readonly at: number;
  readonly type: string;
  readonly rollout: string;
  readonly host: string | null;
  readonly hostId: string | null;
  readonly actor: string | null;
  readonly reason: string | null;
  /** State or phase that it leads to. */
  readonly state: string | null;
  readonly permit: string | null;
  readonly wave: string | null;
  readonly steps: readonly RolloutStepDocument[];
  readonly residue: readonly string[];
}

export function historyDocument({ rolloutId, events }: ListEventsResponse): HistoryDocument {
  const rollout = visible(rolloutId);
  return {
    ...{ schema: "afterpatch.history/v1", rollout },
    events: events.map((event) => ({
      ...{ seq: event.seq, at: event.at, type: visible(event.type), rollout },
      ...{ host: given(event.host), hostId: given(event.hostId), actor: given(event.actor), reason: given(event.why) },
      ...{ state: given(event.state), permit: given(event.permitId), wave: given(event.wave) },
      ...{ steps: event.steps.map(stepDocument), residue: event.residue.map(visible) },
    })),
  };
}

function given(text: string): string | null {
  return text === "" ? null : visible(text);
}

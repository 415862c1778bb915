import { visible } from "@afterpatch/core/text";
import type { FleetEvent } from "../connection.ts";

/** A line of `afterpatch events -o jsonl`, and an entry of `afterpatch.events/v1`. */
export interface FleetEventDocument {
  readonly schema: "afterpatch.event/v1";
  readonly seq: number;
  readonly at: number;
  readonly type: string;
  readonly host: string | null;
  readonly hostId: string | null;
  readonly rollout: string | null;
  readonly actor: string | null;
  /** What else there is to say; see docs/events.md for each type. */
  readonly details: Readonly<Record<string, unknown>>;
}

export function fleetEventDocument(event: FleetEvent): FleetEventDocument {
  const given = (text: string) => visible(text) || null;
  const about = { seq: event.seq, at: event.at, type: visible(event.type) };
  const whose = { host: given(event.host), hostId: given(event.hostId), rollout: given(event.rolloutId) };
  return { schema: "afterpatch.event/v1", ...about, ...whose, actor: given(event.actor), details: detailsOf(event) };
}

function detailsOf({ body }: FleetEvent): Readonly<Record<string, unknown>> {
  const value: unknown = JSON.parse(body, (_key, one: unknown) => (typeof one === "string" ? visible(one) : one));
  return typeof value === "object" && value !== null ? { ...value } : {};
}

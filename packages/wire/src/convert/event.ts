import type { RolloutEvent } from "@afterpatch/core/rollout/event";
import type { RolloutView, StepResult } from "@afterpatch/core/rollout/types";
import type { pb } from "../messages.ts";
import { stepToWire } from "./session.ts";

type WireEvent = ReturnType<typeof pb.v1.LoggedEvent.decode>;

/** A stored event as operators read it. What a type of event has under another name is put where the others have it. */
export function eventToWire(event: RolloutEvent, seq: number, { hosts }: Pick<RolloutView, "hosts">): WireEvent {
  const hostId = "hostId" in event ? event.hostId : "";
  const outcome = "outcome" in event ? event.outcome : null;
  const { why, state } = wordsOf(event);
  const steps: readonly StepResult[] = "steps" in event ? event.steps : [];
  return {
    ...{ seq, at: event.at, type: event.type, hostId },
    host: hosts.find((host) => host.hostId === hostId)?.name ?? "",
    actor: "actor" in event ? event.actor : "",
    why: why || (outcome?.reason ?? ""),
    state: state || (outcome?.state ?? ""),
    permitId: "permitId" in event ? event.permitId : "",
    wave: "wave" in event ? event.wave : "",
    steps: steps.map(stepToWire),
    residue: "residue" in event ? [...event.residue] : [],
  };
}

function wordsOf(event: RolloutEvent): { readonly why: string; readonly state: string } {
  const why = "why" in event ? event.why : "reason" in event ? event.reason : "";
  const state = "state" in event ? event.state : "phase" in event ? event.phase : "";
  return { why, state };
}

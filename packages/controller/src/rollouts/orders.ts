import type { RolloutEvent } from "@afterpatch/core/rollout/event";
import type { RolloutView } from "@afterpatch/core/rollout/types";
import { RolloutError } from "./held.ts";

/** What a person orders of an open rollout: the event it becomes, or null where it is so already. */
export type PersonsOrder = (view: RolloutView, at: number) => RolloutEvent | null;

/** Nothing new begins, hosts in hand finish, and that is the end. */
export function abortOrder(actor: string, why: string): PersonsOrder {
  return (view, at) => {
    // Nothing of it has begun.
    if (view.state === "planned") return { type: "closed", at, state: "aborted", why: by("aborted", actor, why) };
    return view.isAborting ? null : { type: "abort-requested", at, actor, why: by("aborted", actor, why) };
  };
}

/** Hosts in hand finish, no other begins until somebody resumes it. Where it is paused, another reason replaces the one before. */
export function pauseOrder(actor: string, why: string): PersonsOrder {
  return (view, at) => {
    const text = by("paused", actor, why);
    const isSaid = view.state === "paused" && (why === "" || view.why === text);
    return isSaid ? null : { type: "paused", at, actor, why: text };
  };
}

/** Undoes a pause. */
export function resumeOrder(actor: string): PersonsOrder {
  return (view, at) => (view.state === "running" ? null : { type: "resumed", at, actor });
}

/**
 * The waves after this one may begin. Empty: the first that waits for it. A machine is no second person: whoever started the
 * rollout may be one who runs it.
 */
export function approveOrder(actor: string, named: string, isMachine = false): PersonsOrder {
  return (view, at) => {
    const { waves = [] } = view.plan.shape ?? {};
    const waits = waves.find(({ name, isApproved }) => isApproved && view.ended[name]?.approvedBy === null);
    const wave = named === "" ? (waits?.name ?? "") : named;
    if ((view.ended[wave]?.approvedBy ?? null) !== null) return null;
    if (isMachine && waves.some(({ name, isBySecondPerson }) => name === wave && isBySecondPerson))
      throw new RolloutError("wrong-state", `wave ${wave} is approved of by a person, and ${actor} is a machine`);
    return { type: "approved", at, wave, actor };
  };
}

/** `paused by alice: waiting for the database team` */
function by(what: string, actor: string, why: string): string {
  return why === "" ? `${what} by ${actor}` : `${what} by ${actor}: ${why}`;
}

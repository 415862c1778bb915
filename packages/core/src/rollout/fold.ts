import { firstPhase, isReady, UNTOUCHED } from "./care.ts";
import { cared } from "./care-events.ts";
import { type Followed, hostOf, toHost, withPermit } from "./host-change.ts";
import { writtenOff } from "./write-off.ts";
import { canRolloutFollow, isClosed } from "./transitions.ts";
import type { RolloutEvent } from "./event.ts";
import type { EndedWave, HostInRollout, RolloutPlan, RolloutState, RolloutView } from "./types.ts";

/** A rollout before its first event. */
export function planned(plan: RolloutPlan): RolloutView {
  const hosts = plan.hosts.map(
    (host): HostInRollout => ({
      hostId: host.hostId,
      name: host.name,
      state: "pending",
      reason: "",
      steps: [],
      residue: [],
      changedAt: plan.createdAt,
      permits: 0,
      vetoes: 0,
      againAt: null,
      care: UNTOUCHED,
      permit: null,
    }),
  );
  const nothing = { ended: {}, endedAt: null, version: 0 };
  return { plan, state: "planned", why: "", isAborting: false, hosts, ...nothing };
}

/** Folds stored events; throws when they cannot have happened in this order (the store is damaged). */
export function fold(plan: RolloutPlan, events: readonly RolloutEvent[]): RolloutView {
  return events.reduce((view, event) => {
    const after = follow(view, event);
    if (after.kind === "refused") throw new Error(`rollout ${plan.id}, event ${view.version + 1}: ${after.why}`);
    return after.view;
  }, planned(plan));
}

/** The rollout after one more event, or why that event cannot follow. */
export function follow(view: RolloutView, event: RolloutEvent): Followed {
  switch (event.type) {
    case "started":
      return toState(view, "running", "");
    case "replanned":
      return replanned(view, event.plan);
    case "stopping":
    case "abort-requested":
      return toState(view, "stopping", event.why, event.type === "abort-requested");
    case "paused":
      return toState(view, "paused", event.why);
    case "resumed":
      // What waits for an approval or a window is no more paused than it was.
      if (view.state !== "paused") return { kind: "refused", why: `it is ${view.state}, not paused` };
      return toState(view, "running", "");
    case "gate":
      return toState(view, "waiting-approval", event.why);
    case "window-closed":
      return toState(view, "waiting-window", event.why);
    case "window-opened":
      if (view.state !== "waiting-window")
        return { kind: "refused", why: `it is ${view.state}, and waits for no window` };
      return toState(view, "running", "");
    case "wave-ended":
      return toWave(view, event.wave, { bakeUntil: event.bakeUntil, approvedBy: null });
    case "approved":
      return approved(view, event);
    case "closed":
      return toState({ ...view, endedAt: event.at }, event.state, event.why);
    case "nothing-to-do":
      return nothingToDo(view, event);
    case "permitted":
      return permitted(view, event);
    case "permit-void":
      // Without a permit the host is as one that was never permitted: away it is no failure, and it may come back.
      return withPermit(view, event, "pending", { reason: event.why, steps: [], permit: null });
    case "taken":
    case "drain-begun":
    case "ready":
    case "proved":
    case "undrain-begun":
    case "left":
      return cared(view, event);
    case "progress":
      return withPermit(view, event, event.state, { steps: event.steps, reason: "", ...begun(view, event) });
    case "ended":
      return withPermit(view, event, event.state, {
        reason: event.reason,
        steps: event.steps,
        residue: event.residue,
      });
    case "vetoed": {
      const vetoes = (view.hosts.find((h) => h.hostId === event.hostId)?.vetoes ?? 0) + 1;
      const { why: reason, steps, againAt } = event;
      // Nothing was done and the permit is used up: away it is no failure, as one that was never permitted.
      return withPermit(view, event, "vetoed", { reason, steps, vetoes, againAt, permit: null });
    }
    case "tried-again":
      return triedAgain(view, event);
    case "skipped":
    case "unreachable":
      return toHost(view, event, event.type, { reason: event.why });
    case "written-off":
      return writtenOff(view, event);
    case "returned":
      return returned(view, event);
  }
}

function replanned(view: RolloutView, plan: RolloutPlan): Followed {
  if (view.state !== "planned") return { kind: "refused", why: `it is ${view.state}, and has begun with its plan` };
  return { kind: "followed", view: { ...planned(plan), version: view.version + 1 } };
}

function nothingToDo(view: RolloutView, event: Extract<RolloutEvent, { type: "nothing-to-do" }>): Followed {
  const { residue } = event;
  return toHost(view, event, residue.length > 0 ? "done-with-residue" : "done", { reason: "nothing to do", residue });
}

function triedAgain(view: RolloutView, event: Extract<RolloutEvent, { type: "tried-again" }>): Followed {
  if (hostOf(view, event)?.state !== "vetoed") {
    return { kind: "refused", why: `host ${event.hostId} has not vetoed` };
  }
  return toHost(view, event, "pending", { steps: [], againAt: null });
}

function returned(view: RolloutView, event: Extract<RolloutEvent, { type: "returned" }>): Followed {
  if (hostOf(view, event)?.permit) {
    return { kind: "refused", why: `host ${event.hostId} holds a permit, and may be acting` };
  }
  return toHost(view, event, "pending", { reason: "" });
}

function permitted(view: RolloutView, event: Extract<RolloutEvent, { type: "permitted" }>): Followed {
  if (view.state !== "running") return { kind: "refused", why: `no permit while the rollout is ${view.state}` };
  const { permitId: id, bootId, epoch, beginBy, endBy } = event;
  const host = hostOf(view, event);
  if (host && !isReady(host) && firstPhase(view.plan, event.hostId) !== null) {
    return { kind: "refused", why: `${host.name} is not ready for its permit` };
  }
  const permit = { id, bootId, epoch, at: event.at, beginBy, endBy, isBegun: false };
  const care = { ...(host?.care ?? UNTOUCHED), phase: null };
  return toHost(view, event, "permitted", { reason: "", permits: (host?.permits ?? 0) + 1, permit, care });
}

function begun(view: RolloutView, { hostId }: { readonly hostId: string }): Pick<HostInRollout, "permit"> {
  const permit = view.hosts.find((h) => h.hostId === hostId)?.permit;
  return { permit: permit ? { ...permit, isBegun: true } : null };
}

function toWave(view: RolloutView, name: string, wave: EndedWave): Followed {
  if (view.state !== "running") return { kind: "refused", why: `no wave ends while the rollout is ${view.state}` };
  if (Object.hasOwn(view.ended, name)) return { kind: "refused", why: `wave ${name} has ended before` };
  const ended = { ...view.ended, [name]: wave };
  return { kind: "followed", view: { ...view, ended, version: view.version + 1 } };
}

/** Of a wave that has ended. Whoever waited for it goes on. */
function approved(view: RolloutView, event: Extract<RolloutEvent, { type: "approved" }>): Followed {
  if (isClosed(view.state)) return { kind: "refused", why: `the rollout is ${view.state}` };
  const wave = Object.hasOwn(view.ended, event.wave) ? view.ended[event.wave] : undefined;
  if (event.wave === "") return { kind: "refused", why: "no wave of it waits for an approval" };
  if (!wave || wave.approvedBy !== null) {
    return { kind: "refused", why: `wave ${event.wave} ${wave ? "was approved of before" : "has not ended"}` };
  }
  const isBySecond = view.plan.shape?.waves.some(
    ({ name, isBySecondPerson }) => name === event.wave && isBySecondPerson,
  );
  if (isBySecond && event.actor === view.plan.actor) {
    const why = `wave ${event.wave} is approved of by another person than ${event.actor}, who started the rollout`;
    return { kind: "refused", why };
  }
  const ended = { ...view.ended, [event.wave]: { ...wave, approvedBy: event.actor } };
  const isAwaited = view.state === "waiting-approval";
  const state = isAwaited ? ({ state: "running", why: "" } as const) : {};
  return { kind: "followed", view: { ...view, ...state, ended, version: view.version + 1 } };
}

function toState(view: RolloutView, to: RolloutState, why: string, isAbort = false): Followed {
  // An abort may follow a stop that is under way: the word of the person is what the rollout ends with. A pause may follow
  // a pause: the last word says why.
  const isRepeated = view.state === to && (to === "paused" || (to === "stopping" && isAbort));
  if (!isRepeated && !canRolloutFollow(view.state, to)) {
    return { kind: "refused", why: `${to} cannot follow ${view.state}` };
  }
  return {
    kind: "followed",
    view: { ...view, state: to, why, isAborting: view.isAborting || isAbort, version: view.version + 1 },
  };
}

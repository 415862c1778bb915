import { follow, planned } from "@afterpatch/core/rollout/fold";
import { failures } from "@afterpatch/core/rollout/stop";
import { goesAlone } from "@afterpatch/core/rollout/reboots";
import { isInFlight } from "@afterpatch/core/rollout/transitions";
import type { HostInRollout, RolloutPlan, RolloutView } from "@afterpatch/core/rollout/types";
import type { Chronicle, Effect, Stored } from "./chronicle.ts";

/** What the stored events of one rollout may not show, whatever was interrupted. Returns every violation. */
export function violations(
  plan: RolloutPlan,
  { events, effects, broken }: Pick<Chronicle, "events" | "effects" | "broken">,
): string[] {
  const found = [...broken];
  let view = planned(plan);
  for (const [index, { event }] of events.entries()) {
    found.push(...strays(view, effects, index));
    const before = view;
    const after = follow(view, event);
    if (after.kind === "refused") {
      found.push(`event ${view.version + 1} (${event.type}) cannot follow: ${after.why}`);
      return found;
    }
    view = after.view;
    if (event.type === "permitted") found.push(...permitViolations(before, view, event.hostId));
    if (event.type === "vetoed") found.push(...vetoViolations(view, events.slice(0, index), effects, event.hostId));
  }
  found.push(
    ...strays(view, effects, events.length),
    ...effectViolations(plan, events, effects),
    ...endViolations(view),
  );
  return found;
}

/** Effects that happened when so many events were stored, on hosts that were not charged. */
function strays(view: RolloutView, effects: readonly Effect[], after: number): string[] {
  const hands = new Set(charged(view).map((host) => host.hostId));
  const wrong = effects.filter((effect) => effect.after === after && !hands.has(effect.hostId));
  return wrong.map(({ effect, hostId }) => `${effect} on ${hostId}, which was not in our hands`);
}

/** Hosts that count as unavailable by us. */
export function charged(view: RolloutView): readonly HostInRollout[] {
  return view.hosts.filter((h) => isInFlight(h.state) || (h.state === "unreachable" && h.permit !== null));
}

function permitViolations(before: RolloutView, after: RolloutView, hostId: string): string[] {
  const found: string[] = [];
  const { plan } = before;
  const inHand = charged(after).length;
  const largest = Math.max(...plan.ramp);
  if (inHand > largest) found.push(`${inHand} hosts charged, the ramp allows ${largest}`);
  if (failures(before).length > plan.maxFail)
    found.push(`${hostId} permitted after ${failures(before).length} failures`);
  if (before.state !== "running") found.push(`${hostId} permitted while the rollout was ${before.state}`);
  const first = plan.ramp[0] ?? 1;
  if (plan.ramp.length > 1 && inHand > first) {
    const inTurn = new Set(plan.hosts.filter((p) => p.steps.length > 0 && !goesAlone(p)).map(({ hostId }) => hostId));
    const working = before.hosts.filter(({ hostId }) => inTurn.has(hostId));
    const canaries = working.slice(0, first);
    if (canaries.some((h) => h.state === "pending" || isInFlight(h.state)))
      found.push("the ramp grew before its first batch was at rest");
  }
  return found;
}

/** A veto means that the permit had no effect. */
function vetoViolations(
  view: RolloutView,
  before: readonly Stored[],
  effects: readonly Effect[],
  hostId: string,
): string[] {
  const permittedAfter = before.findLastIndex(({ event }) => event.type === "permitted" && event.hostId === hostId);
  const isOfPermit = ({ after }: Effect) => after > permittedAfter && after <= before.length;
  const mine = effects.filter((effect) => effect.hostId === hostId && isOfPermit(effect));
  const found = mine.map(({ effect }) => `${hostId} vetoed, and ${effect} happened`);
  if (failures(view).some((host) => host.hostId === hostId)) found.push(`${hostId} vetoed, and counts as a failure`);
  return found;
}

/** No effect twice for one permit, none without one, none outside the time of one. */
function effectViolations(plan: RolloutPlan, events: readonly Stored[], effects: readonly Effect[]): string[] {
  const found: string[] = [];
  for (const host of plan.hosts) {
    const permits = events.filter(({ event }) => event.type === "permitted" && event.hostId === host.hostId);
    const mine = effects.filter((e) => e.hostId === host.hostId);
    const counts = new Map<string, number>();
    for (const { effect } of mine) counts.set(effect, (counts.get(effect) ?? 0) + 1);
    for (const [effect, count] of counts) {
      // A void permit was never begun: all permits of a host together have each effect once.
      if (count > 1) found.push(`${host.name}: ${effect} happened ${count} times`);
      if (!host.steps.some((s) => `${s.kind}:${s.target}` === effect))
        found.push(`${host.name}: ${effect} was not planned`);
    }
    const { beginWithinMs, deadlineMs } = plan.timing;
    const deadline = (permits.at(-1)?.at ?? 0) + beginWithinMs + deadlineMs + plan.reboot.delayMs;
    // A step that began in time may end late, and recovery after a crash still finds out and finishes.
    if (mine.some((e) => e.at > deadline + 120_000)) found.push(`${host.name}: an effect after the deadline`);
  }
  return found;
}

function endViolations(view: RolloutView): string[] {
  const found: string[] = [];
  if (!["finished", "halted", "aborted"].includes(view.state)) found.push(`the rollout is ${view.state} at the end`);
  const moving = view.hosts.filter((h) => isInFlight(h.state));
  if (moving.length > 0) found.push(`ended with ${moving.map((h) => `${h.name} ${h.state}`).join(", ")}`);
  if (view.state === "finished" && view.hosts.some((h) => h.state === "pending" || h.state === "vetoed"))
    found.push("finished with hosts that were not touched");
  return found;
}

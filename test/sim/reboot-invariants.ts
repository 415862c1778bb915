import { follow, planned } from "@afterpatch/core/rollout/fold";
import { isHostRebooted, REBOOT_EVERY_MS } from "@afterpatch/core/rollout/reboots";
import { isAtRest, isClosed, isInFlight } from "@afterpatch/core/rollout/transitions";
import type { RolloutPlan, RolloutView } from "@afterpatch/core/rollout/types";
import type { Chronicle, Stored } from "./chronicle.ts";
import { charged } from "./invariants.ts";

/** What no rollout may do to hosts that it reboots, looked at after every event of any of them. */
export function rebootViolations(plans: readonly RolloutPlan[], chronicle: Chronicle, isClockTrue: boolean): string[] {
  const views = new Map(plans.map((plan) => [plan.id, planned(plan)]));
  const found: string[] = [];
  let lastAt = Number.NEGATIVE_INFINITY;
  for (const stored of chronicle.events) {
    const view = views.get(stored.rolloutId);
    if (!view) return [...found, `${stored.rolloutId} is none of the rollouts`];
    const after = follow(view, stored.event);
    if (after.kind !== "followed") return [...found, `${stored.event.type} cannot follow in ${stored.rolloutId}`];
    const others = [...views.values()].filter((other) => other !== view && !isClosed(other.state));
    views.set(stored.rolloutId, after.view);
    found.push(...uncharged([...others, after.view], stored), ...believed(after.view, stored, chronicle));
    if (isClockTrue) found.push(...hasty(view, stored, chronicle.events));
    if (stored.event.type !== "permitted") continue;
    const { hostId } = stored.event;
    found.push(...together(view, others, hostId));
    if (!isHostRebooted(view.plan, hostId)) continue;
    if (stored.at - lastAt < REBOOT_EVERY_MS)
      found.push(`${hostId} permitted ${stored.at - lastAt} ms after another reboot`);
    lastAt = stored.at;
  }
  return [...found, ...twice(chronicle)];
}

/** Whoever is down by us counts as unavailable, for as long as the rollout is open. */
function uncharged(open: readonly RolloutView[], { down, event }: Stored): string[] {
  const held = new Set(open.flatMap((view) => charged(view).map(({ hostId }) => hostId)));
  const counted = new Set(
    open.filter((view) => !isClosed(view.state)).flatMap(({ hosts }) => hosts.map((h) => h.hostId)),
  );
  const free = down.filter((hostId) => counted.has(hostId) && !held.has(hostId));
  return free.map((hostId) => `${hostId} is down and not charged at ${event.type}`);
}

/** The controller's own host goes last and alone, over all rollouts. */
function together(view: RolloutView, others: readonly RolloutView[], hostId: string): string[] {
  const own = [view, ...others].flatMap((one) =>
    one.hosts.filter((host) => isInFlight(host.state) && isOwn(one, host.hostId)),
  );
  const found = own.map(({ name }) => `${hostId} permitted while ${name} was in hand, on which the controller runs`);
  if (!isOwn(view, hostId)) return found;
  const busy = [view, ...others].flatMap((one) => charged(one).map(({ name }) => name));
  const left = view.hosts.filter((host) => host.hostId !== hostId && !isAtRest(host.state)).map(({ name }) => name);
  if (busy.length > 0) found.push(`${hostId}, on which the controller runs, permitted beside ${busy.join(", ")}`);
  if (left.length > 0) found.push(`${hostId}, on which the controller runs, permitted before ${left.join(", ")}`);
  return found;
}

function isOwn({ plan }: RolloutView, hostId: string): boolean {
  return isHostRebooted(plan, hostId) && plan.hosts.some((host) => host.hostId === hostId && host.holdsController);
}

/** A host that was rebooted is done only in a new boot, with the kernel that was planned, and with nothing old left. */
function believed(view: RolloutView, { event, runs }: Stored, { disturbed }: Chronicle): string[] {
  if (event.type !== "ended" || event.state === "failed" || !isHostRebooted(view.plan, event.hostId)) return [];
  const host = view.plan.hosts.find(({ hostId }) => hostId === event.hostId);
  const permit = view.hosts.find(({ hostId }) => hostId === event.hostId)?.permit;
  const found: string[] = [];
  // A step whose findings vanished, by somebody else's reboot, is no reboot of ours.
  const isVanished = event.steps.some(({ kind, outcome }) => kind === "reboot" && outcome === "skipped");
  const mayBeSame = isVanished && view.plan.reboot.mode !== "always";
  if (!mayBeSame && runs?.bootId === permit?.bootId)
    found.push(`${event.hostId} is ${event.state} in the boot of its permit`);
  const kernel = host?.expectedKernel ?? host?.runningKernel;
  if (runs?.release !== kernel)
    found.push(`${event.hostId} is ${event.state} with kernel ${runs?.release}, not ${kernel}`);
  // Whoever rebooted it since may have brought back what is old.
  const left = disturbed.has(event.hostId) ? [] : (runs?.left ?? []);
  if (left.length > 0) found.push(`${event.hostId} is ${event.state}, and still needs ${left.join(", ")}`);
  return found;
}

/** No host is given up before all the time has passed that its order gives it. */
function hasty({ plan }: RolloutView, { event, at }: Stored, events: readonly Stored[]): string[] {
  if (event.type !== "unreachable" || event.why === "not connected") return [];
  const { hostId } = event;
  const permit = events.findLast(
    (one) => one.at <= at && one.event.type === "permitted" && one.event.hostId === hostId,
  );
  const { beginWithinMs, deadlineMs, unreachableAfterMs } = plan.timing;
  const { delayMs, withinMs, settleMs } = plan.reboot;
  const rebootMs = isHostRebooted(plan, hostId) ? delayMs + withinMs + settleMs : 0;
  const tookMs = at - (permit?.at ?? at);
  return tookMs < beginWithinMs + deadlineMs + rebootMs + unreachableAfterMs
    ? [`${hostId} was given up after ${tookMs} ms`]
    : [];
}

function twice({ events, effects }: Chronicle): string[] {
  const boots = effects.filter(({ effect }) => effect === "reboot:host");
  const permits = events.flatMap(({ event }, index) =>
    event.type === "permitted" ? [{ hostId: event.hostId, index }] : [],
  );
  const counts = new Map<number, number>();
  const found: string[] = [];
  for (const { hostId, after } of boots) {
    const permit = permits.findLast((one) => one.hostId === hostId && one.index < after);
    if (!permit) found.push(`${hostId} rebooted without a permit`);
    else counts.set(permit.index, (counts.get(permit.index) ?? 0) + 1);
  }
  for (const [index, count] of counts) {
    if (count > 1)
      found.push(`${permits.find((one) => one.index === index)?.hostId} rebooted ${count} times for one permit`);
  }
  return found;
}

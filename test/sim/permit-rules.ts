import type { Wave } from "@afterpatch/core/rollout/waves";
import { isInHand, isLost, isOver, type Ledger, type LedgerRollout } from "./ledger.ts";

// What has to hold in the moment in which a host is taken or permitted, worked out from the stored events alone.

/** The moment before the event. */
export interface Moment {
  readonly ledger: Ledger;
  readonly rollout: LedgerRollout;
  readonly hostId: string;
  readonly type: "taken" | "permitted";
  /** True time, and what the controller's clock says. */
  readonly at: number;
  readonly wall: number;
  /** No clock was ever stepped. */
  readonly isClockTrue: boolean;
  readonly isAway: (hostId: string) => boolean;
  readonly isCordoned: (hostId: string) => boolean;
  readonly isFrozen: boolean;
}

type Rule = (moment: Moment) => string | null;

/** By the name of the invariant. */
export const PERMIT_RULES: Readonly<Record<string, Rule>> = {
  running: ({ rollout }) => (rollout.state === "running" ? null : `the rollout is ${rollout.heldBy ?? rollout.state}`),
  connected: ({ isAway, hostId }) => (isAway(hostId) ? "it is not connected" : null),
  cordon: ({ isCordoned, hostId, isFrozen }) =>
    isFrozen ? "the fleet is frozen" : isCordoned(hostId) ? "it is cordoned" : null,
  "one permit at a time": ({ rollout, hostId, type }) => {
    const host = rollout.hosts.get(hostId);
    if (!host) return "it is not in the plan";
    if (type === "permitted" && host.isReady) return null;
    return host.state === "pending" ? null : `it is ${host.state}`;
  },
  ready: ({ rollout: { plan, hosts }, hostId, type }) => {
    const care = plan.shape?.care;
    const isPrepared = care && (care.before.length > 0 || care.drain !== null);
    return type === "permitted" && isPrepared && !hosts.get(hostId)?.isReady ? "it was not got ready" : null;
  },
  budget,
  window: hours,
  waves,
  batch,
  "max-fail": ({ rollout }) => {
    const failed = failures(rollout);
    return failed > rollout.plan.maxFail ? `${failed} failed, ${rollout.plan.maxFail} tolerated` : null;
  },
  "max-fail percent": ({ rollout }) => {
    const percent = rollout.plan.shape?.maxFailPercent ?? null;
    const ended = [...rollout.hosts.values()].filter((host) => host.permit !== null && isOver(host)).length;
    const failed = failures(rollout);
    if (percent === null || ended < 10) return null;
    return failed * 100 > percent * ended ? `${failed} of ${ended} failed, ${percent}% tolerated` : null;
  },
  "progress deadline": ({ rollout, at, isClockTrue }) => {
    const most = rollout.plan.shape?.progressDeadlineMs ?? null;
    const begun = [...rollout.hosts.values()].flatMap((host) => (isInHand(host) && host.permit ? host.permit.at : []));
    if (most === null || begun.length === 0 || !isClockTrue) return null;
    const since = at - Math.max(...begun);
    return since > most ? `nothing was done for ${since} ms, ${most} are allowed` : null;
  },
};

/** All who count as unavailable, whatever the engine thinks. */
export function chargedHosts({ ledger, isAway, isCordoned }: Moment, among: readonly string[]): Set<string> {
  const open = [...ledger.rollouts.values()].filter(({ state }) => state !== "closed");
  return new Set(
    among.filter(
      (hostId) =>
        ledger.charged.has(hostId) ||
        isCordoned(hostId) ||
        (isAway(hostId) && !ledger.writtenOff.has(hostId)) ||
        open.some(({ hosts }) => {
          const host = hosts.get(hostId);
          return host !== undefined && (isInHand(host) || isLost(host) || host.state === "failed");
        }),
    ),
  );
}

function budget(moment: Moment): string | null {
  const { rollout, hostId } = moment;
  for (const { name, groups, maxGroups } of rollout.plan.shape?.budgets ?? []) {
    const group = groups.find(({ hostIds }) => hostIds.includes(hostId));
    if (!group) continue;
    const charged = chargedHosts(moment, group.hostIds);
    if (charged.has(hostId)) continue; // it raises nothing
    const taken = [...charged].join(", ");
    if (charged.size + 1 > group.most) return `${name}: ${group.most} of ${group.value}, charged before: ${taken}`;
    if (maxGroups === null || charged.size > 0) continue;
    const others = groups.filter(({ hostIds }) => chargedHosts(moment, hostIds).size > 0).map(({ value }) => value);
    if (others.length + 1 > maxGroups) return `${name}: also charged are ${others.join(", ")}`;
  }
  return null;
}

const DAY_MS = 86_400_000;

/** Windows of the simulator are daily and in UTC: reckoned here by division alone. */
function hours({ rollout, wall }: Moment): string | null {
  const { windows = [], freeze = [] } = rollout.plan.shape?.hours ?? {};
  if (freeze.some(({ from, until }) => from <= wall && wall < until)) return "in a freeze";
  const isOpen = windows.some(({ startMinute, durationMs, lastStartMs }) => {
    const since = (((wall - startMinute * 60_000) % DAY_MS) + DAY_MS) % DAY_MS;
    return since < durationMs && since <= durationMs - (lastStartMs ?? 0);
  });
  return windows.length === 0 || isOpen ? null : `outside of every window, at ${new Date(wall).toISOString()}`;
}

/** All waves before the one of the host have ended, were watched for as long as they are to be, and were approved of. */
function waves({ rollout, hostId, at, isClockTrue }: Moment): string | null {
  const all = rollout.plan.shape?.waves ?? [];
  const own = all.find(({ hostIds }) => hostIds.includes(hostId));
  if (!own) return null;
  for (const wave of ancestors(own, all)) {
    const endedAt = rollout.ended.get(wave.name);
    if (endedAt === undefined) return `${own.name} begins before ${wave.name} has ended`;
    const left = endedAt + wave.bakeMs - at;
    if (isClockTrue && left > 0) return `${wave.name} is to be watched for ${left} ms more`;
    if (wave.isApproved && !rollout.approved.has(wave.name)) return `nobody has approved of ${wave.name}`;
  }
  return null;
}

function ancestors(wave: Wave, all: readonly Wave[]): readonly Wave[] {
  const parents = all.filter(({ name }) => wave.after.includes(name));
  return [...parents, ...parents.flatMap((parent) => ancestors(parent, all))];
}

function batch({ rollout, hostId, type }: Moment): string | null {
  const { shape, hosts: planned } = rollout.plan;
  const wave = shape?.waves.find(({ hostIds }) => hostIds.includes(hostId));
  const host = rollout.hosts.get(hostId);
  if (!wave || !host || (type === "permitted" && isInHand(host))) return null;
  const working = wave.hostIds.filter((id) => planned.some((one) => one.hostId === id && one.steps.length > 0));
  let from = 0;
  for (let entry = 0; from < working.length; entry += 1) {
    const isLast = entry >= wave.ramp.length - 1;
    const size = wave.ramp[Math.min(entry, wave.ramp.length - 1)] ?? 1;
    const until = isLast && wave.mode === "slide" ? working.length : from + size;
    if (working.slice(from, until).includes(hostId)) return inBatch(rollout, working, from, size);
    from = until;
  }
  return "it has no work";
}

function inBatch({ hosts }: LedgerRollout, working: readonly string[], from: number, size: number): string | null {
  const of = (ids: readonly string[]) => ids.flatMap((id) => hosts.get(id) ?? []);
  if (of(working.slice(0, from)).some((host) => !isOver(host))) return "the batch before is not at rest";
  const busy = of(working).filter((host) => isInHand(host) || isLost(host)).length;
  return busy + 1 > size ? `${busy} of its wave in hand already, its batch is ${size}` : null;
}

function failures({ plan, hosts }: LedgerRollout): number {
  const isFailing = plan.shape?.unreachable === "fail";
  return [...hosts.values()].filter(
    (host) =>
      host.state === "failed" ||
      isLost(host) ||
      (isFailing && host.state === "unreachable") ||
      (host.state === "written-off" && host.permit !== null),
  ).length;
}

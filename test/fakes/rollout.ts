import { DEFAULT_REBOOT, NO_REBOOT, type RebootOrder } from "@afterpatch/core/plan/reboot";
import { fold } from "@afterpatch/core/rollout/fold";
import { NO_HOLDS } from "@afterpatch/core/rollout/holds";
import type { FleetView } from "@afterpatch/core/rollout/next";
import type { ProgressState } from "@afterpatch/core/session";
import type { RolloutEvent } from "@afterpatch/core/rollout/event";
import type { RolloutPlan, RolloutTiming, RolloutView, StepRef } from "@afterpatch/core/rollout/types";

/** When every rollout of the tests began. */
export const T0 = 1_790_000_000_000;

export const TIMING: RolloutTiming = {
  beginWithinMs: 60_000,
  deadlineMs: 600_000,
  unreachableAfterMs: 120_000,
  graceMs: 10_000,
  settleMs: 10_000,
};

export const SSH: StepRef = { kind: "restart-service", target: "ssh.service" };

export const REBOOT: StepRef = { kind: "reboot", target: "host" };
export const OLD_KERNEL = "6.1.0-1-amd64";
export const NEW_KERNEL = "6.1.0-2-amd64";

export interface RolloutOrder extends Partial<Pick<RolloutPlan, "id" | "ramp" | "maxFail" | "allowNew">> {
  /** Names of hosts, in order; one that ends in `-clean` has nothing to do. */
  readonly hosts?: readonly string[];
  /** Those of them that are rebooted, from OLD_KERNEL to NEW_KERNEL. */
  readonly rebooted?: readonly string[];
  /** The one that the controller runs on. */
  readonly controllerOn?: string;
  readonly reboot?: Partial<RebootOrder>;
}

/** A frozen plan that restarts ssh on each host, or reboots it. A host's id is its name. */
export function rolloutPlan(order: RolloutOrder = {}): RolloutPlan {
  const { hosts = ["web1", "web2", "web3"], id = "r1", ramp = [1], maxFail = 0, allowNew = false } = order;
  return {
    ...{ id, ramp, maxFail, allowNew },
    name: "DSA-6001",
    reason: "DSA-6001",
    actor: "ops",
    createdAt: T0,
    pattern: "all",
    reboot: order.rebooted ? { ...DEFAULT_REBOOT, ...order.reboot } : NO_REBOOT,
    digest: "fleet-digest",
    hosts: hosts.map((name) => {
      const isClean = name.endsWith("-clean");
      const residue = isClean ? ["cron job of backup"] : [];
      return {
        hostId: name,
        name,
        digest: `digest-${name}`,
        steps: isClean ? [] : [order.rebooted?.includes(name) ? REBOOT : SSH],
        residue,
        expectedKernel: order.rebooted ? NEW_KERNEL : null,
        runningKernel: OLD_KERNEL,
        holdsController: order.controllerOn === name,
      };
    }),
    uncovered: [],
    timing: TIMING,
  };
}

/** A rollout of one host under a budget of one host over web1 and web2. */
export function budgetedPlan(id: string, host: string): RolloutPlan {
  const groups = [{ value: "", hostIds: ["web1", "web2"], most: 1 }];
  const wave = { name: "all", hostIds: [host], ramp: [1], mode: "slide", after: [] } as const;
  return {
    ...rolloutPlan({ id, hosts: [host] }),
    shape: {
      waves: [{ ...wave, bakeMs: 0, isApproved: false, leaderLast: null }],
      budgets: [{ name: "all", maxGroups: null, groups }],
      hours: { windows: [], freeze: [] },
      maxFailPercent: null,
      progressDeadlineMs: null,
    },
  };
}

/** A rollout that has begun and to which these events happened. */
export function rolloutView(plan: RolloutPlan, ...events: readonly RolloutEvent[]): RolloutView {
  return fold(plan, [started, ...events]);
}

export const started: RolloutEvent = { type: "started", at: T0 };

/** The n-th permit of a host, `HOST-p1` unless said otherwise. */
export function permitted(hostId: string, n = 1, at = T0, lastsMs = TIMING.deadlineMs): RolloutEvent {
  const beginBy = at + TIMING.beginWithinMs;
  const endBy = beginBy + lastsMs;
  return { type: "permitted", at, hostId, permitId: `${hostId}-p${n}`, bootId: "b1", epoch: 1, beginBy, endBy };
}

export function acting(hostId: string, state: ProgressState = "acting", n = 1): RolloutEvent {
  return { type: "progress", at: T0, hostId, permitId: `${hostId}-p${n}`, state, steps: [] };
}

export function ended(hostId: string, state: "done" | "done-with-residue" | "failed" = "done", n = 1): RolloutEvent {
  const reason = state === "failed" ? "step-failed" : "";
  return { type: "ended", at: T0, hostId, permitId: `${hostId}-p${n}`, state, reason, steps: [], residue: [] };
}

export function permitVoid(hostId: string, n = 1): RolloutEvent {
  return { type: "permit-void", at: T0, hostId, permitId: `${hostId}-p${n}`, why: "the permit did not reach the host" };
}

/** The n-th permit was held off by the host; it may be tried again 10 s later. */
export function vetoed(hostId: string, n = 1, at = T0): RolloutEvent {
  const why = "denied: /etc/afterpatch/deny exists: migration";
  return { type: "vetoed", at, hostId, permitId: `${hostId}-p${n}`, why, steps: [], againAt: at + 10_000 };
}

export function triedAgain(hostId: string): RolloutEvent {
  return { type: "tried-again", at: T0, hostId };
}

export function unreachable(hostId: string): RolloutEvent {
  return { type: "unreachable", at: T0, hostId, why: "not connected" };
}

export const stopping: RolloutEvent = { type: "stopping", at: T0, why: "1 failed" };
export const abortRequested: RolloutEvent = { type: "abort-requested", at: T0, actor: "ops", why: "wrong fleet" };

/** No other rollout is open, and no reboot was permitted. */
export const ALONE: Omit<FleetView, "hosts" | "listeningSince"> = {
  wall: T0,
  unavailable: new Set(),
  rebootPermittedAt: null,
  elsewhere: [],
  leavingFor: null,
  holds: NO_HOLDS,
  writtenOff: new Set(),
};

/** All these hosts connected, but those with a time: away since then. */
export function fleetOf(hosts: readonly string[], away: Readonly<Record<string, number>> = {}): FleetView {
  const presence = hosts.map((host) => [host, { awaySince: away[host] ?? null, bootId: "b1" }] as const);
  return { ...ALONE, hosts: new Map(presence), listeningSince: T0 - 3_600_000 };
}

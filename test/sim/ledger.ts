import type { RolloutEvent } from "@afterpatch/core/rollout/event";
import type { HostState, RolloutPlan } from "@afterpatch/core/rollout/types";

// What stored events mean, read from the contracts and not from the engine: what is held against it must not be its own.

export interface LedgerHost {
  state: HostState;
  /** The permit that it holds or has used. `at`: true time. */
  permit: { readonly id: string; readonly at: number } | null;
  /** Out of service by a drain, and not put back. */
  isDrained: boolean;
  /** It got what comes before its permit. */
  isReady: boolean;
}

export interface LedgerRollout {
  readonly plan: RolloutPlan;
  state: "planned" | "running" | "held" | "stopping" | "closed";
  /** Of `held`: by what. */
  heldBy: "paused" | "gate" | "window" | null;
  isAborting: boolean;
  end: "halted" | "aborted" | "finished" | null;
  version: number;
  readonly hosts: Map<string, LedgerHost>;
  /** True time at which it ended, by name. */
  readonly ended: Map<string, number>;
  readonly approved: Set<string>;
}

const IN_HAND: readonly HostState[] = [
  ...["permitted", "draining", "acting", "returning", "settling", "verifying", "undraining"],
] as const;

export const isInHand = ({ state }: LedgerHost): boolean => IN_HAND.includes(state);
export const isLost = ({ state, permit }: LedgerHost): boolean => state === "unreachable" && permit !== null;
/** Nothing more is expected of it, unless it comes back by itself. */
export const isOver = (host: LedgerHost): boolean =>
  !isInHand(host) && host.state !== "pending" && host.state !== "vetoed";

type OfHost = Extract<RolloutEvent, { readonly hostId: string }>;

/** All rollouts of a world, and who is charged beyond them. */
export class Ledger {
  readonly rollouts = new Map<string, LedgerRollout>();
  /** Failed or lost in some rollout, neither proved nor written off since. */
  readonly charged = new Set<string>();
  readonly writtenOff = new Set<string>();

  open(plan: RolloutPlan): LedgerRollout {
    const hosts = plan.hosts.map(({ hostId }) => {
      const host: LedgerHost = { state: "pending", permit: null, isDrained: false, isReady: false };
      return [hostId, host] as const;
    });
    const rollout: LedgerRollout = {
      ...{ plan, state: "planned", heldBy: null, isAborting: false, end: null, version: 0 },
      ...{ hosts: new Map(hosts), ended: new Map(), approved: new Set() },
    };
    this.rollouts.set(plan.id, rollout);
    return rollout;
  }

  /** `at`: true time. */
  take(rollout: LedgerRollout, event: RolloutEvent, at: number): void {
    rollout.version += 1;
    if ("hostId" in event) {
      const host = rollout.hosts.get(event.hostId);
      if (host) this.#takeHost(host, event, at);
    } else this.#takeRollout(rollout, event, at);
  }

  #takeRollout(rollout: LedgerRollout, event: Exclude<RolloutEvent, OfHost>, at: number): void {
    // biome-ignore lint/nursery/useExhaustiveSwitchCases: it does not see through Exclude; what is not here changes nothing
    switch (event.type) {
      case "started":
      case "resumed":
      case "window-opened":
        Object.assign(rollout, { state: "running", heldBy: null });
        return;
      case "paused":
        Object.assign(rollout, { state: "held", heldBy: "paused" });
        return;
      case "gate":
        Object.assign(rollout, { state: "held", heldBy: "gate" });
        return;
      case "window-closed":
        Object.assign(rollout, { state: "held", heldBy: "window" });
        return;
      case "stopping":
      case "abort-requested":
        rollout.state = "stopping";
        rollout.isAborting ||= event.type === "abort-requested";
        return;
      case "wave-ended":
        rollout.ended.set(event.wave, at);
        return;
      case "approved":
        rollout.approved.add(event.wave);
        if (rollout.heldBy === "gate") Object.assign(rollout, { state: "running", heldBy: null });
        return;
      case "closed":
        Object.assign(rollout, { state: "closed", end: event.state });
    }
  }

  #takeHost(host: LedgerHost, event: OfHost, at: number): void {
    const { hostId } = event;
    // biome-ignore lint/nursery/useExhaustiveSwitchCases: it does not see through Extract; what is not here changes nothing
    switch (event.type) {
      case "nothing-to-do":
        // Nothing old runs there, which is no proof that what failed is well again.
        host.state = event.residue.length > 0 ? "done-with-residue" : "done";
        return;
      case "permitted":
        Object.assign(host, { state: "permitted", permit: { id: event.permitId, at }, isReady: false });
        return;
      case "permit-void":
        Object.assign(host, { state: "pending", permit: null });
        return;
      case "vetoed":
        Object.assign(host, { state: "vetoed", permit: null });
        return;
      case "tried-again":
      case "returned":
        host.state = "pending";
        return;
      case "progress":
        host.state = event.state;
        return;
      case "ended":
        host.state = event.state;
        if (event.state === "failed") this.#charge(hostId);
        else this.#clear(hostId);
        return;
      case "unreachable":
        host.state = "unreachable";
        if (host.permit) this.#charge(hostId);
        return;
      case "skipped":
        host.state = "skipped";
        return;
      case "written-off":
        host.state = "written-off";
        this.charged.delete(hostId);
        this.writtenOff.add(hostId);
        return;
      case "taken":
        host.state = "draining";
        host.isDrained ||= event.phase === "draining";
        return;
      case "drain-begun":
        Object.assign(host, { state: "draining", isDrained: true });
        return;
      case "ready":
        Object.assign(host, { state: "draining", isReady: true });
        return;
      case "proved":
        host.state = "verifying";
        return;
      case "undrain-begun":
        Object.assign(host, { state: "undraining", isReady: false });
        return;
      case "left":
        Object.assign(host, { state: event.outcome.state, isDrained: event.isDrained, isReady: false });
        if (event.outcome.state === "failed" || event.isDrained) this.#charge(hostId);
        else if (event.outcome.state === "done" || event.outcome.state === "done-with-residue") this.#clear(hostId);
    }
  }

  #charge(hostId: string): void {
    this.charged.add(hostId);
    this.writtenOff.delete(hostId);
  }

  #clear(hostId: string): void {
    this.charged.delete(hostId);
    this.writtenOff.delete(hostId);
  }
}

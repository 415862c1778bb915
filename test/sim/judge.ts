import { rolloutExitCode } from "@afterpatch/core/exit";
import type { ChargeChange } from "@afterpatch/core/rollout/charges";
import type { RolloutEvent } from "@afterpatch/core/rollout/event";
import type { RolloutPlan, RolloutView } from "@afterpatch/core/rollout/types";
import { isInHand, isLost, isOver, Ledger, type LedgerRollout } from "./ledger.ts";
import { type Moment, PERMIT_RULES } from "./permit-rules.ts";

export interface Violation {
  readonly invariant: string;
  readonly what: string;
  /** So many events were stored. */
  readonly after: number;
}

/** What is true in the world just now. */
export interface Truth {
  readonly now: () => number;
  readonly isClockTrue: () => boolean;
  readonly isAway: (hostId: string) => boolean;
  readonly isCordoned: (hostId: string) => boolean;
  readonly isFrozen: () => boolean;
  /** Two machines speak for it. */
  readonly isTwin: (hostId: string) => boolean;
}

/** Holds every stored event and every effect against what was promised. Knows nothing of how the engine decides. */
export class Judge {
  readonly violations: Violation[] = [];
  /** One line for each event and effect. */
  readonly log: string[] = [];
  readonly ledger = new Ledger();
  stored = 0;
  readonly #truth: Truth;
  readonly #begun = new Map<string, string>();
  readonly #done = new Set<string>();

  constructor(truth: Truth) {
    this.#truth = truth;
  }

  created(plan: RolloutPlan): void {
    const working = plan.hosts.filter(({ steps }) => steps.length > 0).map(({ hostId }) => hostId);
    for (const other of this.ledger.rollouts.values()) {
      if (other.state === "closed") continue;
      const ids = other.plan.hosts.flatMap(({ hostId, steps }) => (steps.length > 0 ? [hostId] : []));
      const both = working.filter((hostId) => ids.includes(hostId));
      if (both.length > 0) this.#broken("one rollout for a host", `${both.join()} in ${other.plan.id} and ${plan.id}`);
    }
    this.ledger.open(plan);
  }

  event(rolloutId: string, event: RolloutEvent): void {
    const { now } = this.#truth;
    this.log.push(`${stamp(now())} ${rolloutId} ${JSON.stringify(event)}`);
    const rollout = this.ledger.rollouts.get(rolloutId);
    if (!rollout) {
      this.#broken("events", `${event.type} of ${rolloutId}, which is none`);
      return;
    }
    this.#settled(rollout, event);
    if (event.type === "permitted" || event.type === "taken") this.#permitted(rollout, event);
    if (event.type === "wave-ended") this.#waveEnded(rollout, event.wave);
    this.ledger.take(rollout, event, now());
    this.stored += 1;
    if (event.type === "closed") this.#closed(rollout);
  }

  /** The register was changed without an event. */
  changed(change: ChargeChange): void {
    if (change.kind !== "write-off") return;
    this.log.push(`${stamp(this.#truth.now())} ${change.writeOff.hostId} written off outside of rollouts`);
    this.ledger.charged.delete(change.writeOff.hostId);
    this.ledger.writtenOff.add(change.writeOff.hostId);
  }

  /** `op`: the permit of the intent that is on the host's disk and open; null: there is none. */
  effect(hostId: string, effect: string, op: string | null): void {
    this.log.push(`${stamp(this.#truth.now())} EFFECT ${hostId} ${effect} of ${op}`);
    if (op === null) {
      this.#broken("intent before effect", `${effect} on ${hostId}`);
      return;
    }
    const key = `${op} ${effect}`;
    if (this.#done.has(key)) this.#broken("once for a permit", `${effect} on ${hostId}, permit ${op}`);
    this.#done.add(key);
    const host = [...this.ledger.rollouts.values()].flatMap(({ hosts }) => {
      const one = hosts.get(hostId);
      return one?.permit?.id === op ? [one] : [];
    })[0];
    const isOurs = host && (isInHand(host) || isLost(host) || host.state === "written-off");
    if (!isOurs && !this.#truth.isTwin(hostId))
      this.#broken("effect with a permit", `${effect} on ${hostId} by permit ${op}, host ${host?.state}`);
  }

  /** A host has this permit on its disk. `machine`: which of those that speak for it. */
  begun(hostId: string, op: string): void {
    this.log.push(`${stamp(this.#truth.now())} BEGUN ${hostId} ${op}`);
    const before = this.#begun.get(op);
    if (before !== undefined) this.#broken("begun once", `permit ${op} on ${before} and ${hostId}`);
    this.#begun.set(op, hostId);
    if (!this.log.some((line) => line.includes('"permitted"') && line.includes(op)))
      this.#broken("stored before sent", `permit ${op} on ${hostId}`);
  }

  /** What a person was shown. */
  shown(view: RolloutView): void {
    const rollout = this.ledger.rollouts.get(view.plan.id);
    if (!rollout || view.version !== rollout.version) return;
    for (const { hostId, state } of view.hosts) {
      const stored = rollout.hosts.get(hostId)?.state;
      if (stored !== state) this.#broken("shown as stored", `${hostId} is ${stored}, shown as ${state}`);
    }
  }

  /** At the end of all: `views` are those that are shown then. */
  end(views: readonly RolloutView[], replayed: readonly RolloutView[]): void {
    for (const { plan, state } of this.ledger.rollouts.values()) {
      if (state !== "closed") this.#broken("every rollout ends", `${plan.id} is ${state}`);
    }
    for (const [index, view] of views.entries()) {
      if (JSON.stringify(view) !== JSON.stringify(replayed[index]))
        this.#broken("replay", `${view.plan.id} is not what its events make it`);
      const rollout = this.ledger.rollouts.get(view.plan.id);
      if (rollout) this.#exit(view, rollout);
    }
  }

  /** What has ended stays so. */
  #settled(rollout: LedgerRollout, event: RolloutEvent): void {
    const isWriteOff = event.type === "written-off";
    if (rollout.state === "closed" && !isWriteOff) this.#broken("ended once", `${event.type} after the end`);
    if (!("hostId" in event)) return;
    const state = rollout.hosts.get(event.hostId)?.state;
    const isFinal = state === "done" || state === "done-with-residue" || state === "skipped" || state === "written-off";
    if (isFinal || (state === "failed" && !isWriteOff))
      this.#broken("one end for a host", `${event.hostId}: ${event.type} after ${state}`);
  }

  #permitted(rollout: LedgerRollout, event: { readonly type: Moment["type"]; readonly hostId: string; at: number }) {
    const { now, isClockTrue, isAway, isCordoned, isFrozen } = this.#truth;
    const { type, hostId, at: wall } = event;
    const about = { at: now(), wall, isClockTrue: isClockTrue(), isAway, isCordoned, isFrozen: isFrozen() };
    for (const [invariant, rule] of Object.entries(PERMIT_RULES)) {
      const why = rule({ ledger: this.ledger, rollout, hostId, type, ...about });
      if (why !== null) this.#broken(invariant, `${hostId} ${type}: ${why}`);
    }
  }

  #waveEnded({ plan, hosts }: LedgerRollout, name: string): void {
    const wave = plan.shape?.waves.find((one) => one.name === name);
    const left = (wave?.hostIds ?? []).filter((id) => !isOver(hosts.get(id) ?? NOBODY));
    if (left.length > 0) this.#broken("waves", `${name} ended with ${left.join()} in it`);
  }

  #closed({ plan, end, isAborting, hosts }: LedgerRollout): void {
    const all = [...hosts];
    const busy = all.filter(([, host]) => isInHand(host)).map(([hostId]) => hostId);
    if (busy.length > 0) this.#broken("one end for a host", `${plan.id} ended with ${busy.join()} in hand`);
    const left = all.filter(([, host]) => !isOver(host)).map(([hostId]) => hostId);
    if (end === "finished" && left.length > 0) this.#broken("finished", `${plan.id} with ${left.join()} untouched`);
    if (end !== "finished" && isAborting !== (end === "aborted")) this.#broken("end", `${plan.id} is ${end}`);
    const drained = all.filter(
      ([hostId, host]) => host.isDrained && !this.ledger.charged.has(hostId) && host.state !== "written-off",
    );
    for (const [hostId] of drained) this.#broken("undrain", `${hostId} is out of service, and nobody is told`);
  }

  /** The exit code is a function of the final state, and of nothing else. */
  #exit(view: RolloutView, { end, hosts }: LedgerRollout): void {
    const words = [...hosts.values()].map(({ state }) => state);
    const has = (...states: readonly string[]) => words.some((word) => states.includes(word));
    const away = has("unreachable", "skipped", "written-off") ? null : 0;
    const expected = end !== "finished" ? 3 : has("failed") ? 2 : has("unreachable") ? 4 : away;
    const code = rolloutExitCode({ state: view.state, hosts: view.hosts, uncovered: [], failOnResidue: false });
    if (expected !== null && code !== expected) this.#broken("exit code", `${view.plan.id}: ${code}, not ${expected}`);
  }

  #broken(invariant: string, what: string): void {
    this.violations.push({ invariant, what, after: this.log.length });
  }
}

const NOBODY = { state: "done", permit: null, isDrained: false, isReady: false } as const;

function stamp(at: number): string {
  return new Date(at).toISOString().slice(5, 23);
}

import type { JournalRecord } from "@afterpatch/agent/ports";
import type { RolloutStore } from "@afterpatch/controller/store/rollout-store";
import type { RolloutEvent } from "@afterpatch/core/rollout/event";
import type { Witness } from "./agent.ts";
import type { Judge } from "./judge.ts";

/** An effect that truly happened on a host. */
export interface Effect {
  readonly at: number;
  readonly hostId: string;
  /** `KIND:TARGET` */
  readonly effect: string;
  /** So many events were stored before it. */
  readonly after: number;
}

export interface Stored {
  readonly rolloutId: string;
  /** True time: the clock of the controller may be off. */
  readonly at: number;
  readonly event: RolloutEvent;
  /** Hosts that were down at that moment by a reboot of ours. */
  readonly down: readonly string[];
  /** What was running on the host of the event. */
  readonly runs: Running | null;
}

/** The truth about a host. */
export interface Running {
  readonly bootId: string;
  readonly release: string;
  /** What something automatic would still replace there, as `KIND:TARGET`. */
  readonly left: readonly string[];
}

/** What truly happened in the simulated world, in its order, whatever the parties in it believe. */
export class Chronicle implements Witness {
  readonly events: Stored[] = [];
  readonly effects: Effect[] = [];
  /** Promises that were broken in the moment in which they were. */
  readonly broken: string[] = [];
  /** Permits that were refused although, or because, they came from a controller that is no more. */
  oldEpochs = 0;
  /** How often a host went down by a reboot of ours. */
  boots = 0;
  /** Called at each host's going down and coming back. */
  onPower: (hostId: string, isDown: boolean) => void = () => {};
  /** Hears of everything in the moment in which it is so; null: nobody does. */
  judge: Judge | null = null;
  /** Hosts that went down otherwise too. */
  readonly disturbed = new Set<string>();
  readonly #down = new Set<string>();
  readonly #now: () => number;
  readonly #runs: (hostId: string) => Promise<Running | null>;

  constructor(now: () => number, runs: (hostId: string) => Promise<Running | null>) {
    this.#now = now;
    this.#runs = runs;
  }

  /** The same store; what it has stored is in the chronicle. */
  of(store: RolloutStore): RolloutStore {
    return {
      ...store,
      create: async (plan, requestId, events) => {
        const isNew = (await store.byRequest(requestId)) === null;
        const id = await store.create(plan, requestId, events);
        if (isNew) this.judge?.created(plan);
        if (isNew) for (const event of events) this.#stored(id, event, null);
        return id;
      },
      append: async (id, appended) => {
        const { event } = appended;
        const runs = "hostId" in event ? await this.#runs(event.hostId) : null;
        await store.append(id, appended);
        this.#stored(id, event, runs);
      },
      change: async (change) => {
        await store.change(change);
        this.judge?.changed(change);
      },
    };
  }

  effect(hostId: string, effect: string, op: string | null): void {
    this.judge?.effect(hostId, effect, op);
    this.effects.push({ at: this.#now(), hostId, effect, after: this.events.length });
  }

  down(hostId: string, isOurs: boolean): void {
    if (isOurs) {
      this.#down.add(hostId);
      this.boots += 1;
    } else this.disturbed.add(hostId);
    this.onPower(hostId, true);
  }

  up(hostId: string): void {
    this.#down.delete(hostId);
    this.onPower(hostId, false);
  }

  recorded(hostId: string, record: JournalRecord): void {
    if (record.type === "begun" && !record.refused) this.judge?.begun(hostId, record.op);
    if (record.type === "begun" && record.refused?.code === "old-epoch") this.oldEpochs += 1;
    if (record.type === "begun" && !record.refused && this.#has("permit-void", record.op)) {
      this.broken.push(`${hostId}: permit ${record.op} was begun after we held it for void`);
    }
    if (record.type === "acknowledged" && !this.#isSettled(record.op)) {
      this.broken.push(`${hostId}: the end of permit ${record.op} was acknowledged and is not stored`);
    }
  }

  /** What concerns one rollout, counted by its own events. Each host is in one rollout alone. */
  only(rolloutId: string, hostIds: ReadonlySet<string>): Pick<Chronicle, "events" | "effects" | "broken"> {
    const places = this.events.flatMap((stored, index) => (stored.rolloutId === rolloutId ? [index] : []));
    const effects = this.effects
      .filter(({ hostId }) => hostIds.has(hostId))
      .map((effect) => ({ ...effect, after: places.filter((place) => place < effect.after).length }));
    return { events: this.events.filter((stored) => stored.rolloutId === rolloutId), effects, broken: this.broken };
  }

  #stored(rolloutId: string, event: RolloutEvent, runs: Running | null): void {
    this.judge?.event(rolloutId, event);
    this.events.push({ rolloutId, at: this.#now(), event, down: [...this.#down], runs });
  }

  /** Nobody waits for this permit's end any more. */
  #isSettled(permitId: string): boolean {
    const rolloutId = this.events.find(
      ({ event }) => event.type === "permitted" && event.permitId === permitId,
    )?.rolloutId;
    const isClosed = this.events.some((stored) => stored.rolloutId === rolloutId && stored.event.type === "closed");
    return isClosed || (["ended", "vetoed", "permit-void"] as const).some((type) => this.#has(type, permitId));
  }

  #has(type: "ended" | "vetoed" | "permit-void", permitId: string): boolean {
    return this.events.some(({ event }) => event.type === type && event.permitId === permitId);
  }
}

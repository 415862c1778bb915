import type { JournalRecord } from "@afterpatch/agent/ports";
import type { RolloutStore } from "@afterpatch/controller/store/rollout-store";
import type { RolloutEvent } from "@afterpatch/core/rollout/types";
import type { Witness } from "./agent.ts";

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
  /** True time: the clock of the controller may be off. */
  readonly at: number;
  readonly event: RolloutEvent;
}

/** What truly happened in the simulated world, in its order, whatever the parties in it believe. For one rollout. */
export class Chronicle implements Witness {
  readonly events: Stored[] = [];
  readonly effects: Effect[] = [];
  /** Promises that were broken in the moment in which they were. */
  readonly broken: string[] = [];
  /** Permits that were refused although, or because, they came from a controller that is no more. */
  oldEpochs = 0;
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** The same store; what it has stored is in the chronicle. */
  of(store: RolloutStore): RolloutStore {
    return {
      ...store,
      create: async (plan, requestId, events) => {
        const isNew = (await store.byRequest(requestId)) === null;
        const id = await store.create(plan, requestId, events);
        if (isNew) this.events.push(...events.map((event) => ({ at: this.#now(), event })));
        return id;
      },
      append: async (id, version, event, isClosing) => {
        await store.append(id, version, event, isClosing);
        this.events.push({ at: this.#now(), event });
      },
    };
  }

  effect(hostId: string, effect: string): void {
    this.effects.push({ at: this.#now(), hostId, effect, after: this.events.length });
  }

  recorded(hostId: string, record: JournalRecord): void {
    if (record.type === "begun" && record.refused?.code === "old-epoch") this.oldEpochs += 1;
    if (record.type === "begun" && !record.refused && this.#has("permit-void", record.op)) {
      this.broken.push(`${hostId}: permit ${record.op} was begun after we held it for void`);
    }
    if (record.type === "acknowledged" && !this.#isSettled(record.op)) {
      this.broken.push(`${hostId}: the end of permit ${record.op} was acknowledged and is not stored`);
    }
  }

  /** Nobody waits for this permit's end any more. */
  #isSettled(permitId: string): boolean {
    const isClosed = this.events.at(-1)?.event.type === "closed";
    return isClosed || (["ended", "vetoed", "permit-void"] as const).some((type) => this.#has(type, permitId));
  }

  #has(type: "ended" | "vetoed" | "permit-void", permitId: string): boolean {
    return this.events.some(({ event }) => event.type === type && event.permitId === permitId);
  }
}

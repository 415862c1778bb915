import type { Charge, ChargeChange } from "@afterpatch/core/rollout/charges";
import type { WriteOff } from "@afterpatch/core/rollout/write-off";
import type { RolloutEvent } from "@afterpatch/core/rollout/event";
import type { RolloutPlan } from "@afterpatch/core/rollout/types";

export interface StoredRollout {
  readonly plan: RolloutPlan;
  readonly events: readonly RolloutEvent[];
}

export interface Appended {
  /** So many events are stored before it. */
  readonly version: number;
  readonly event: RolloutEvent;
  /** It is the last one. */
  readonly isClosing: boolean;
  /** Null: none. */
  readonly charge: ChargeChange | null;
}

/** Rollouts on disk. What a resolved promise says is durable. */
export interface RolloutStore {
  /** Stores a rollout and its first events. A request id seen before changes nothing and returns the rollout it made then. */
  create(plan: RolloutPlan, requestId: string, events: readonly RolloutEvent[]): Promise<string>;
  /** Appends an event with all that goes with it; rejects when another one came in between. */
  append(rolloutId: string, appended: Appended): Promise<void>;
  /** Hosts that count as unavailable though nobody may have them in hand. */
  charges(): Promise<readonly Charge[]>;
  /** Hosts that are charged to nothing, for a person said so. */
  writeOffs(): Promise<readonly WriteOff[]>;
  /** Changes the register of charges without an event of a rollout. */
  change(change: ChargeChange): Promise<void>;
  /** Rollouts that have not ended. */
  open(): Promise<readonly StoredRollout[]>;
  load(rolloutId: string): Promise<StoredRollout | null>;
  /** The rollout that a request made, or null. */
  byRequest(requestId: string): Promise<string | null>;
  /** Newest first. */
  recent(limit: number): Promise<readonly StoredRollout[]>;
}

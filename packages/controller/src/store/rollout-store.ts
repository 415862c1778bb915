import type { RolloutEvent, RolloutPlan } from "@afterpatch/core/rollout/types";

export interface StoredRollout {
  readonly plan: RolloutPlan;
  readonly events: readonly RolloutEvent[];
}

/** Rollouts on disk. What a resolved promise says is durable. */
export interface RolloutStore {
  /** Stores a rollout and its first events. A request id seen before changes nothing and returns the rollout it made then. */
  create(plan: RolloutPlan, requestId: string, events: readonly RolloutEvent[]): Promise<string>;
  /** Appends the event that follows the first `version` ones; rejects when another came in between. `isClosing`: it is the last. */
  append(rolloutId: string, version: number, event: RolloutEvent, isClosing: boolean): Promise<void>;
  /** Rollouts that have not ended. */
  open(): Promise<readonly StoredRollout[]>;
  load(rolloutId: string): Promise<StoredRollout | null>;
  /** The rollout that a request made, or null. */
  byRequest(requestId: string): Promise<string | null>;
  /** Newest first. */
  recent(limit: number): Promise<readonly StoredRollout[]>;
}

import { visible } from "@afterpatch/core/text";
import type { Rollout } from "../connection.ts";

/** `afterpatch.locks/v1`: hosts that open rollouts hold, so that no other rollout may have them. */
export interface LocksDocument {
  readonly schema: "afterpatch.locks/v1";
  readonly locks: readonly LockDocument[];
}

export interface LockDocument {
  readonly host: string;
  readonly rollout: string;
  readonly reason: string;
  readonly actor: string;
  /** Of the host in it. */
  readonly state: string;
  /** Since when it is in that state, and since when it is held. */
  readonly stateSince: number;
  readonly since: number;
}

export function locksDocument(open: readonly Rollout[]): LocksDocument {
  const locks = open.flatMap(({ id, reason, actor, createdAt, hosts }) =>
    hosts
      .filter(({ hasWork }) => hasWork)
      .map(({ name, state, changedAt }) => ({
        ...{ host: visible(name), rollout: visible(id), reason: visible(reason), actor: visible(actor) },
        ...{ state: visible(state), stateSince: changedAt, since: createdAt },
      })),
  );
  return {
    schema: "afterpatch.locks/v1",
    locks: locks.toSorted((a, b) => (a.host < b.host ? -1 : a.host > b.host ? 1 : 0)),
  };
}

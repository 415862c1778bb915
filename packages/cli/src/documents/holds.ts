import { visible } from "@afterpatch/core/text";
import type { CordonedHosts, FleetFreeze, HoldMessage } from "../connection.ts";
import { reachedDocument } from "./reached.ts";

/** That somebody holds a host, or the fleet, back. */
export interface HoldDocument {
  readonly actor: string;
  readonly reason: string;
  readonly since: number;
  /** Null: until somebody ends it. */
  readonly until: number | null;
}

export function holdDocument(hold: HoldMessage | null | undefined): HoldDocument | null {
  if (!hold) return null;
  const { actor, reason, since, until } = hold;
  return { actor: visible(actor), reason: visible(reason), since, until: until === 0 ? null : until };
}

/** `afterpatch.cordons/v1`. */
export interface CordonsDocument {
  readonly schema: "afterpatch.cordons/v1";
  readonly hosts: readonly {
    readonly name: string;
    /** The cordon that it has now. */
    readonly cordon: HoldDocument | null;
    /** The one that was taken from it, or replaced. */
    readonly before: HoldDocument | null;
    /** Rollout that has it in hand, in which it finishes. */
    readonly inHandOf: string | null;
  }[];
  /** Selected hosts of the inventory that nobody enrolled: nothing keeps them out of anything. */
  readonly notEnrolled: readonly string[];
  readonly notes: readonly string[];
}

export function cordonsDocument({ hosts, reached }: CordonedHosts): CordonsDocument {
  return {
    schema: "afterpatch.cordons/v1",
    hosts: hosts.map(({ name, cordon, before, inHandOf }) => ({
      name: visible(name),
      cordon: holdDocument(cordon),
      before: holdDocument(before),
      inHandOf: visible(inHandOf) || null,
    })),
    ...reachedDocument(reached),
  };
}

/** `afterpatch.freeze/v1`. */
export interface FreezeDocument {
  readonly schema: "afterpatch.freeze/v1";
  readonly freeze: HoldDocument | null;
  /** The one that was ended, or replaced. */
  readonly before: HoldDocument | null;
  /** Ids of rollouts that have not ended. */
  readonly openRollouts: readonly string[];
  /** Hosts that are in hand, and finish. */
  readonly inHand: readonly string[];
}

export function freezeDocument({ freeze, before, openRollouts, inHand }: FleetFreeze): FreezeDocument {
  return {
    schema: "afterpatch.freeze/v1",
    freeze: holdDocument(freeze),
    before: holdDocument(before),
    openRollouts: openRollouts.map(visible),
    inHand: inHand.map(visible),
  };
}

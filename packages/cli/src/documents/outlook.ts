import { visible } from "@afterpatch/core/text";
import type { Rollout } from "../connection.ts";

export interface WaveOutlookDocument {
  readonly name: string;
  /** `blocked`, `open`, `baking`, `gated`, `passed`. */
  readonly state: string;
  readonly hosts: number;
  readonly ended: number;
  readonly inHand: number;
  readonly failed: number;
  readonly after: readonly string[];
  readonly bakeUntil: number | null;
}

export interface WaitDocument {
  readonly kind: string;
  readonly why: string;
  readonly hosts: number;
  readonly names: readonly string[];
  readonly until: number | null;
}

/** How an open rollout goes on, as the controller saw it last. */
export interface OutlookDocument {
  readonly waves: readonly WaveOutlookDocument[];
  readonly budgets: readonly {
    readonly name: string;
    readonly group: string;
    readonly charged: number;
    readonly most: number;
  }[];
  readonly waits: readonly WaitDocument[];
  readonly endsAt: number | null;
}

/** Null: it has ended, or an older controller does not say. */
export function outlookDocument({ outlook }: Rollout): OutlookDocument | null {
  if (!outlook) return null;
  const instant = (at: number) => (at === 0 ? null : at);
  return {
    waves: outlook.waves.map(({ name, state, hosts, ended, inHand, failed, after, bakeUntil }) => ({
      ...{ name: visible(name), state: visible(state), hosts, ended, inHand, failed },
      ...{ after: after.map(visible), bakeUntil: instant(bakeUntil) },
    })),
    budgets: outlook.budgets.map(({ name, group, charged, most }) => ({
      ...{ name: visible(name), group: visible(group), charged, most },
    })),
    waits: outlook.waits.map(({ kind, why, hosts, names, until }) => ({
      ...{ kind: visible(kind), why: visible(why), hosts, names: names.map(visible), until: instant(until) },
    })),
    endsAt: instant(outlook.endsAt),
  };
}

import { visible } from "@afterpatch/core/text";
import type { WhyHostResponse } from "../connection.ts";

/** `afterpatch.why/v1`: what stands between a host and its next step, the first cause first. */
export interface WhyDocument {
  readonly schema: "afterpatch.why/v1";
  readonly host: string;
  readonly obstacles: readonly {
    /** As in control.proto; a newer controller may know more. */
    readonly kind: string;
    readonly why: string;
    readonly rollout: string | null;
    /** Of a budget: who takes its places. */
    readonly by: readonly string[];
    readonly since: number | null;
    /** When it ends, or is looked at again. */
    readonly until: number | null;
  }[];
}

export function whyDocument({ name, obstacles }: WhyHostResponse): WhyDocument {
  return {
    schema: "afterpatch.why/v1",
    host: visible(name),
    obstacles: obstacles.map(({ kind, why, rolloutId, by, since, until }) => ({
      ...{ kind: visible(kind), why: visible(why), rollout: visible(rolloutId) || null, by: by.map(visible) },
      ...{ since: since === 0 ? null : since, until: until === 0 ? null : until },
    })),
  };
}

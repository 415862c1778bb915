import type { RolloutPlan, RolloutView } from "@afterpatch/core/rollout/types";
import { abridged, someOf } from "@afterpatch/core/text";

export class RolloutError extends Error {
  override readonly name = "RolloutError";
  readonly code: "not-found" | "hosts-held" | "already-ended" | "wrong-state" | "in-hand" | "not-charged";
  constructor(code: RolloutError["code"], message: string) {
    super(message);
    this.code = code;
  }
}

/** A host that an open rollout has work for, or waits for, is no other's. */
export function refuseHeldHosts(open: Iterable<RolloutView>, plan: RolloutPlan): void {
  const held = heldBy(open, plan);
  if (held !== null) throw new RolloutError("hosts-held", held);
}

/** `web1, web2: held by rollout 20261122-190312-9f3a2c1b (DSA-6001)`, or null. Rollouts that came after `plan` and wait hold nothing. */
export function heldBy(open: Iterable<RolloutView>, plan: RolloutPlan): string | null {
  const working = plan.hosts.filter((host) => host.steps.length > 0);
  let isAfter = false;
  for (const view of open) {
    if (view.plan.id === plan.id) isAfter = true;
    if (view.plan.id === plan.id || (isAfter && view.state === "planned")) continue;
    const ids = new Set(view.plan.hosts.filter((h) => h.steps.length > 0).map((h) => h.hostId));
    const held = working.filter((host) => ids.has(host.hostId));
    if (held.length > 0) {
      const names = someOf(held.map((host) => host.name));
      const by = `held by rollout ${view.plan.id} (${abridged(view.plan.reason, 80)})`;
      return `${names}: ${by}`;
    }
  }
  return null;
}

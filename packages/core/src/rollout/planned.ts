import type { RolloutHostPlan, RolloutPlan } from "./types.ts";

/** Plans are frozen with their rollouts: their hosts are looked up for every host at every decision. */
const BY_ID = new WeakMap<readonly RolloutHostPlan[], ReadonlyMap<string, RolloutHostPlan>>();

/** What a plan has for one host; undefined: nothing is planned for it. */
export function plannedFor({ hosts }: Pick<RolloutPlan, "hosts">, hostId: string): RolloutHostPlan | undefined {
  let byId = BY_ID.get(hosts);
  if (!byId) {
    byId = new Map(hosts.map((host) => [host.hostId, host]));
    BY_ID.set(hosts, byId);
  }
  return byId.get(hostId);
}

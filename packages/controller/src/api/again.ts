import { NO_SCOPE } from "@afterpatch/core/fleet/scope";
import { NO_FILTER } from "@afterpatch/core/plan/filter";
import { parseRollout } from "@afterpatch/config/rollout";
import { isClosed } from "@afterpatch/core/rollout/transitions";
import type { RolloutPlan, RolloutView } from "@afterpatch/core/rollout/types";
import type { RolloutEngine } from "../rollouts/engine.ts";
import type { Among } from "../rollouts/plan-fleet.ts";
import { type OperatorsOrder, orderOrRefuse } from "./order.ts";
import { refused, refusing } from "./refuse.ts";

export interface Ordered extends OperatorsOrder {
  /** The rollout that is retried; null: this order stands for itself. */
  readonly again: RolloutPlan | null;
}

type Request = Parameters<typeof orderOrRefuse>[0] & { readonly retryOf: string };

/** What a request wants planned: its own words, or those of a rollout that has ended, over the hosts that it left. */
export async function orderedBy(engine: Pick<RolloutEngine, "view">, request: Request): Promise<Ordered> {
  if (request.retryOf === "") return { ...orderOrRefuse(request), again: null };
  const view = await refusing(() => engine.view(request.retryOf));
  const { plan, state } = view;
  if (!isClosed(state)) {
    throw refused("wrong-state", `rollout ${plan.id} has not ended: it is ${state}, and goes on with its hosts itself`);
  }
  const among = leftBy(view);
  if (among.length === 0) throw refused("selection-empty", `rollout ${plan.id} left no host: all of them ended done`);
  return { ...orderOf(plan), fleet: { ...orderOf(plan).fleet, among }, again: plan };
}

/** The order of a stored rollout, its file read anew. */
export function orderOf({ id, pattern, reboot, order }: RolloutPlan): OperatorsOrder {
  if (!order) throw refused("wrong-state", `rollout ${id} was started by an older version, which kept no order`);
  const { serial, rolloutFile, filter, scope = NO_SCOPE } = order;
  const parsed = rolloutFile === "" ? null : parseRollout(rolloutFile);
  if (parsed?.kind === "invalid") throw refused("bad-argument", `the file of rollout ${id} is none for this version`);
  const spec = parsed?.spec ?? null;
  return { spec, reboot, fleet: { pattern, serial, reboot, spec, filter: { ...NO_FILTER, ...filter }, scope } };
}

/** Its hosts that did not end done, and those that it could not cover. */
export function leftBy({ hosts, plan }: RolloutView): readonly Among[] {
  const left = hosts.filter(({ state }) => state !== "done" && state !== "done-with-residue");
  return [
    ...left.map(({ hostId, name }) => ({ hostId, name })),
    ...plan.uncovered.map(({ name }) => ({ hostId: null, name })),
  ];
}

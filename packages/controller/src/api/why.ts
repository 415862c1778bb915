import { causesIn } from "@afterpatch/core/rollout/causes";
import { isClosed } from "@afterpatch/core/rollout/transitions";
import { stepsOf } from "@afterpatch/core/rollout/batch";
import { type Obstacle, obstaclesOf } from "@afterpatch/core/rollout/why";
import type { RolloutView } from "@afterpatch/core/rollout/types";
import { type Handlers, unary } from "@afterpatch/wire/rpc";
import type { controlService } from "@afterpatch/wire/services";
import { type BudgetApiDeps, knownNow } from "./budgets.ts";
import { oneHost } from "./charges.ts";

type Control = Handlers<typeof controlService>;
export type WhyCalls = "whyHost";

/** What stands between a host and its next step. */
export function whyHandlers(deps: BudgetApiDeps): Pick<Control, WhyCalls> {
  return { whyHost: unary(({ host, scope }) => whyHost(deps, host, scope)) };
}

const QUARANTINE: Obstacle = {
  kind: "quarantine",
  why: "two machines speak as this host; find the other one, then 'afterpatch hosts release'",
  since: null,
  until: null,
};

/** How far back a rollout is looked for that had work for the host. */
const LOOKED_BACK = 50;

export async function whyHost(deps: BudgetApiDeps, pattern: string, scope?: Parameters<typeof oneHost>[2]) {
  const { hosts, engine, clock } = deps;
  const { id, name, state } = await oneHost(hosts, pattern, scope);
  const [now, steady] = [clock.now(), clock.steady()];
  const wall = (at: number | null) => (at === null ? 0 : now + at - steady);
  const told = (rolloutId: string, { kind, why, since, until }: Obstacle, by: readonly string[] = []) => ({
    ...{ rolloutId, kind, why, by: [...by], since: wall(since), until: wall(until) },
  });
  const twins = state === "quarantined" ? [told("", QUARANTINE)] : [];
  const open = engine.open().filter((view) => stepsOf(view, id) > 0);
  const obstacles = open.flatMap((view) => {
    const found = obstaclesOf(view, id, engine.fleetFor(view.plan.id), steady);
    return found.map((one) => told(view.plan.id, one, one.kind === "budget" ? chargedBeside(deps, view, id) : []));
  });
  if (open.length > 0) return { name, obstacles: [...twins, ...obstacles] };
  const last = (await engine.recent(LOOKED_BACK)).find((view) => isClosed(view.state) && stepsOf(view, id) > 0);
  const left = last?.hosts.find(({ hostId }) => hostId === id)?.state;
  const before = last ? `; rollout ${last.plan.id} left it ${left} and is ${last.state}` : "";
  const none = {
    kind: "no-rollout",
    why: `no open rollout has work for it${before}`,
    since: null,
    until: null,
  } as const;
  // What would hold it back in a new one.
  const others = causesIn(knownNow(deps))(id).map(({ why, rolloutId, since }) => ({
    ...{ kind: rolloutId === null ? kindOf(why) : "charge", why, rolloutId: rolloutId ?? "", by: [], since, until: 0 },
  }));
  return { name, obstacles: [...twins, told(last?.plan.id ?? "", none), ...others] };
}

function kindOf(why: string): string {
  return why === "not connected" ? "away" : "cordon";
}

/** Who takes the places in the budgets that hold this host, and why. */
function chargedBeside(deps: BudgetApiDeps, { plan }: RolloutView, hostId: string): readonly string[] {
  const known = knownNow(deps);
  const causes = causesIn(known);
  const members = (plan.shape?.budgets ?? []).flatMap(({ groups, maxGroups }) =>
    groups.filter(({ hostIds }) => maxGroups !== null || hostIds.includes(hostId)).flatMap(({ hostIds }) => hostIds),
  );
  const names = new Map(known.open.flatMap(({ hosts }) => hosts.map((host) => [host.hostId, host.name] as const)));
  return [...new Set(members)].flatMap((id) => {
    const [first] = id === hostId ? [] : causes(id);
    return first ? [`${names.get(id) ?? id}: ${first.why}`] : [];
  });
}

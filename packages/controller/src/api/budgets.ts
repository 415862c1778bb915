import type { Scope } from "@afterpatch/core/fleet/scope";
import { budgetsOf, type Budget } from "@afterpatch/core/rollout/budgets";
import { type BudgetUse, causesIn, type Known, useOf } from "@afterpatch/core/rollout/causes";
import type { WriteOff } from "@afterpatch/core/rollout/write-off";
import { type Handlers, unary } from "@afterpatch/wire/rpc";
import type { controlService } from "@afterpatch/wire/services";
import type { Fleet } from "../fleet/fleet.ts";
import type { Clock } from "../ports.ts";
import type { RolloutEngine } from "../rollouts/engine.ts";
import type { Host, Hosts } from "../store/hosts.ts";
import { membersIn } from "../rollouts/shape.ts";
import { reachOrRefuse, scopeOrRefuse } from "./asked.ts";
import { specOrRefuse } from "./order.ts";
import { refuseSelection } from "./refuse.ts";

export interface BudgetApiDeps {
  readonly hosts: Hosts;
  readonly fleet: Fleet;
  readonly engine: RolloutEngine;
  readonly clock: Clock;
}

type Control = Handlers<typeof controlService>;
export type BudgetCalls = "listBudgets";

/** Who is charged to which budget. */
export function budgetHandlers(deps: BudgetApiDeps): Pick<Control, BudgetCalls> {
  return { listBudgets: unary(({ rolloutFile, scope }) => listBudgets(deps, rolloutFile, scope)) };
}

/** Of the open rollouts as they were frozen with their plans, or of a file over the fleet of now. */
export async function listBudgets(
  deps: BudgetApiDeps,
  rolloutFile: string,
  scope?: Parameters<typeof scopeOrRefuse>[0],
) {
  const hosts = await deps.hosts.list();
  const names = new Map(hosts.map(({ id, name }) => [id, name]));
  const known = knownNow(deps);
  const causes = causesIn(known);
  const { writeOffs } = deps.engine.register();
  const told = { nameOf: (hostId: string) => names.get(hostId) ?? hostId, writeOffs };
  const frozen = known.open.flatMap(({ plan }) => plan.shape?.budgets.map((budget) => ({ id: plan.id, budget })) ?? []);
  const wanted =
    rolloutFile === ""
      ? frozen
      : budgetsOfFile(rolloutFile, hosts, scopeOrRefuse(scope)).map((budget) => ({ id: "", budget }));
  return { budgets: wanted.map(({ id, budget }) => toWire(id, useOf(budget, causes, known.writtenOff), told)) };
}

/** All that counts hosts as unavailable at this moment. */
export function knownNow({ engine, fleet, clock }: Omit<BudgetApiDeps, "hosts">): Known {
  const { charges, writeOffs } = engine.register();
  return {
    ...{ open: engine.open(), charges, fleet: fleet.view(), writtenOff: new Set(writeOffs.keys()) },
    ...{ wall: clock.now(), steady: clock.steady() },
  };
}

function budgetsOfFile(text: string, hosts: readonly Host[], scope: Scope): readonly Budget[] {
  const reach = reachOrRefuse(hosts, scope);
  // Nobody is taken: an outage is told by the plan that would make one.
  const made = budgetsOf(specOrRefuse(text).budgets, reach.fleet, new Set(), membersIn(reach));
  if (made.kind === "budgets") return made.budgets;
  if (made.kind === "nothing") return refuseSelection(`budgets[${made.budget}]`, made.why);
  throw new Error(`budgets[${made.budget}]: ${made.why}`);
}

interface Told {
  readonly nameOf: (hostId: string) => string;
  readonly writeOffs: ReadonlyMap<string, WriteOff>;
}

function toWire(rolloutId: string, { name, groups, maxGroups, groupsLeft }: BudgetUse, { nameOf, writeOffs }: Told) {
  return {
    rolloutId,
    name,
    limit: maxGroups === null ? null : { most: maxGroups, left: groupsLeft ?? 0 },
    groups: groups.map(({ charged, writtenOff, ...group }) => ({
      ...group,
      charged: charged.map(({ hostId, causes }) => ({
        name: nameOf(hostId),
        causes: causes.map(({ why, rolloutId: by, since }) => ({ why, rolloutId: by ?? "", since })),
      })),
      writtenOff: writtenOff.flatMap((hostId) => {
        const one = writeOffs.get(hostId);
        return one ? [{ name: nameOf(hostId), by: { ...wordsOf(one), until: 0 } }] : [];
      }),
    })),
  };
}

function wordsOf({ actor, reason, since }: WriteOff) {
  return { actor, reason, since };
}

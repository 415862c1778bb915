import { causesIn, useOf } from "@afterpatch/core/rollout/causes";
import { HOST_STATES, ROLLOUT_STATES } from "@afterpatch/core/rollout/types";
import { isClosed } from "@afterpatch/core/rollout/transitions";
import { visible } from "@afterpatch/core/text";
import { type BudgetApiDeps, knownNow } from "../api/budgets.ts";
import { countedBy, timestamp } from "./fleet.ts";
import type { Metrics, Tell } from "./metrics.ts";

type Deps = Omit<BudgetApiDeps, "hosts">;

/** Every label is a time series in somebody's database; what is left out is in 'afterpatch budgets'. */
const MOST_BUDGETS = 50;

/** Rollouts that have not ended. Those that have are counted as they end (counts.ts). */
export function watchRollouts(metrics: Metrics, deps: Deps): void {
  const rollouts = metrics.gauge("afterpatch_rollouts", "Rollouts that have not ended, by state.", ["state"]);
  const hosts = metrics.gauge("afterpatch_rollout_hosts", "Hosts of these rollouts, by their state in it.", ["state"]);
  const oldest = metrics.gauge(
    "afterpatch_oldest_open_rollout_timestamp_seconds",
    "When the oldest rollout that has not ended was started; absent where there is none.",
  );
  const charged = metrics.gauge(
    "afterpatch_charged_hosts",
    "Hosts that failed or were lost in a rollout and count as unavailable until they prove themselves.",
  );
  const writtenOff = metrics.gauge("afterpatch_written_off_hosts", "Hosts that a person wrote off.");
  const tellBudgets = budgets(metrics);
  metrics.add(() => {
    const { engine } = deps;
    const open = engine.open();
    const states = ROLLOUT_STATES.filter((state) => !isClosed(state));
    rollouts(
      countedBy(
        "state",
        states,
        open.map(({ state }) => state),
      ),
    );
    hosts(
      countedBy(
        "state",
        HOST_STATES,
        open.flatMap((view) => view.hosts.map(({ state }) => state)),
      ),
    );
    oldest(timestamp(open.map(({ plan }) => plan.createdAt)));
    const { charges, writeOffs } = engine.register();
    charged([[{}, charges.size]]);
    writtenOff([[{}, writeOffs.size]]);
    tellBudgets(deps);
  });
}

function budgets(metrics: Metrics): (deps: Deps) => void {
  const label = ["rollout", "budget"];
  const gauge = (name: string, help: string): Tell => metrics.gauge(name, help, label);
  const charged = gauge("afterpatch_budget_charged_hosts", "Hosts that are charged to a budget of an open rollout.");
  const most = gauge("afterpatch_budget_limit_hosts", "Hosts that it allows to be unavailable, over all its groups.");
  const full = gauge("afterpatch_budget_full_groups", "Its groups that have no place left: nobody begins there.");
  return (deps) => {
    const known = knownNow(deps);
    const all = known.open.flatMap(({ plan }) => (plan.shape?.budgets ?? []).map((budget) => ({ plan, budget })));
    const causes = causesIn(known);
    const uses = all.slice(0, MOST_BUDGETS).map(({ plan, budget }) => ({
      labels: { rollout: plan.id, budget: visible(budget.name) },
      groups: useOf(budget, causes, known.writtenOff).groups,
    }));
    charged(uses.map(({ labels, groups }) => [labels, groups.reduce((sum, one) => sum + one.charged.length, 0)]));
    most(uses.map(({ labels, groups }) => [labels, groups.reduce((sum, one) => sum + one.most, 0)]));
    full(uses.map(({ labels, groups }) => [labels, groups.filter(({ left }) => left === 0).length]));
  };
}

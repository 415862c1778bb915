import { causesIn, useOf } from "@afterpatch/core/rollout/causes";
import type { Measured } from "@afterpatch/core/rollout/forecast";
import { leftMs, waitsOf, wavesOutlook } from "@afterpatch/core/rollout/outlook";
import { isClosed } from "@afterpatch/core/rollout/transitions";
import type { RolloutView } from "@afterpatch/core/rollout/types";
import { type BudgetApiDeps, knownNow } from "./budgets.ts";

/** What hosts wait for changes without an event, and to find out costs time: at most a twentieth of it. */
const OFTEN_MS = 1_000;
const SELDOM_MS = 15_000;
const SHARE = 20;

const MOST_BUDGETS = 20;
const MOST_WAITS = 10;

type Outlook = ReturnType<typeof outlookToWire>;

/** The outlook for one who watches, and how soon another one is due. */
export function outlooks(deps: Omit<BudgetApiDeps, "hosts">, measured: readonly Measured[]) {
  let last: { readonly outlook: Outlook; readonly at: number; readonly restMs: number } | null = null;
  return (view: RolloutView): { readonly outlook: Outlook; readonly againMs: number } => {
    const begun = performance.now();
    if (isClosed(view.state)) return { outlook: null, againMs: SELDOM_MS };
    const leftMs = last === null ? 0 : last.at + last.restMs - begun;
    if (last !== null && leftMs > 0) return { outlook: last.outlook, againMs: leftMs };
    const outlook = outlookToWire(deps, view, measured);
    const restMs = Math.max(OFTEN_MS, (performance.now() - begun) * SHARE);
    last = { outlook, at: begun, restMs };
    return { outlook, againMs: SELDOM_MS };
  };
}

/** How an open rollout goes on, for `WatchRollout`; null: it has ended. */
function outlookToWire(deps: Omit<BudgetApiDeps, "hosts">, view: RolloutView, measured: readonly Measured[]) {
  if (isClosed(view.state)) return null;
  const { engine, clock } = deps;
  const [now, steady] = [clock.now(), clock.steady()];
  const wall = (at: number | null) => (at === null ? 0 : now + at - steady);
  const left = leftMs(view, measured, steady);
  const waves = wavesOutlook(view, steady).map(({ bakeUntil, after, ...wave }) => ({
    ...{ ...wave, after: [...after], bakeUntil: wall(bakeUntil) },
  }));
  const waits = waitsOf(view, engine.fleetFor(view.plan.id), steady).slice(0, MOST_WAITS);
  return {
    waves,
    budgets: budgetsInUse(deps, view),
    waits: waits.map(({ until, names, ...wait }) => ({ ...wait, names: [...names], until: wall(until) })),
    endsAt: left === null ? 0 : now + left,
  };
}

function budgetsInUse(deps: Omit<BudgetApiDeps, "hosts">, { plan }: RolloutView) {
  const budgets = plan.shape?.budgets ?? [];
  if (budgets.length === 0) return [];
  const known = knownNow(deps);
  const causes = causesIn(known);
  const used = budgets.flatMap((budget) => {
    const { name, groups } = useOf(budget, causes, known.writtenOff);
    return groups.map(({ value, charged, most }) => ({ name, group: value, charged: charged.length, most }));
  });
  const left = ({ most, charged }: (typeof used)[number]) => most - charged;
  return used
    .filter(({ charged }) => charged > 0)
    .sort((a, b) => left(a) - left(b))
    .slice(0, MOST_BUDGETS);
}

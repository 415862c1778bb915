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

/** What earlier rollouts took is read once for all who come within so long. */
const LEARNT_MS = 60_000;

/** For those who watch: what it costs to find out, it costs once for each rollout, however many look at it. */
export class Outlooks {
  readonly #deps: Omit<BudgetApiDeps, "hosts">;
  readonly #measure: () => Promise<readonly Measured[]>;
  readonly #watched = new Map<string, SharedOutlook>();

  constructor(deps: Omit<BudgetApiDeps, "hosts">, measure: () => Promise<readonly Measured[]>) {
    this.#deps = deps;
    this.#measure = measure;
  }

  /** For one more who watches a rollout, until they leave. Rejects when the store does. */
  async join(rolloutId: string): Promise<SharedOutlook> {
    const shared = this.#watched.get(rolloutId) ?? new SharedOutlook(this.#deps);
    this.#watched.set(rolloutId, shared);
    shared.watchers += 1;
    try {
      await shared.learn(this.#measure);
      return shared;
    } catch (error) {
      this.leave(rolloutId, shared);
      throw error;
    }
  }

  leave(rolloutId: string, shared: SharedOutlook): void {
    shared.watchers -= 1;
    if (shared.watchers === 0) this.#watched.delete(rolloutId);
  }
}

export class SharedOutlook {
  watchers = 0;
  readonly #deps: Omit<BudgetApiDeps, "hosts">;
  #measured: readonly Measured[] = [];
  #learning: { readonly at: number; readonly done: Promise<void> } | null = null;
  #last: Readonly<{ outlook: Outlook; version: number; at: number; restMs: number }> | null = null;

  constructor(deps: Omit<BudgetApiDeps, "hosts">) {
    this.#deps = deps;
  }

  learn(measure: () => Promise<readonly Measured[]>): Promise<void> {
    const at = performance.now();
    if (this.#learning && at - this.#learning.at < LEARNT_MS) return this.#learning.done;
    const done = measure().then(
      (measured) => {
        this.#measured = measured;
      },
      (error: unknown) => {
        this.#learning = null;
        throw error;
      },
    );
    this.#learning = { at, done };
    return done;
  }

  /** How the rollout goes on, and how soon that is looked at again. */
  of(view: RolloutView): { readonly outlook: Outlook; readonly againMs: number } {
    const begun = performance.now();
    if (isClosed(view.state)) return { outlook: null, againMs: SELDOM_MS };
    const leftMs = this.#last === null ? 0 : this.#last.at + this.#last.restMs - begun;
    if (this.#last !== null && leftMs > 0) {
      const { outlook, version } = this.#last;
      return { outlook, againMs: version === view.version ? SELDOM_MS : leftMs };
    }
    const outlook = outlookToWire(this.#deps, view, this.#measured);
    const restMs = Math.max(OFTEN_MS, (performance.now() - begun) * SHARE);
    this.#last = { outlook, version: view.version, at: begun, restMs };
    return { outlook, againMs: SELDOM_MS };
  }
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

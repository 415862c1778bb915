import { visible } from "@afterpatch/core/text";
import type { PlanFleetResponse } from "../connection.ts";

/** How long a plan takes. Durations in milliseconds. */
export interface ForecastDocument {
  readonly totalMs: number;
  readonly waves: readonly { readonly name: string; readonly ms: number }[];
  /** Longest first. `basis`: `measured`, `like` other hosts, or a `guess`. */
  readonly hosts: readonly {
    readonly id: string;
    readonly name: string;
    readonly ms: number;
    readonly basis: string;
  }[];
  /** The window that is open, or opens next; null: none. */
  readonly window: { readonly from: number; readonly until: number; readonly fits: boolean } | null;
}

export interface BudgetDocument {
  readonly name: string;
  /** Null: any number. */
  readonly maxGroups: number | null;
  readonly groups: readonly { readonly value: string; readonly hosts: number; readonly most: number }[];
}

/** Null: nothing to do, or a controller that forecasts nothing. */
export function forecastDocument({ forecast, waves }: PlanFleetResponse): ForecastDocument | null {
  if (!forecast) return null;
  const { totalMs, windowFrom: from, windowUntil: until, fits } = forecast;
  const names = new Map(waves.flatMap((wave) => wave.hosts.map(({ hostId, name }) => [hostId, name] as const)));
  return {
    totalMs,
    waves: forecast.waves.map(({ name, ms }) => ({ name: visible(name), ms })),
    hosts: forecast.hosts.map(({ hostId, ms, basis }) => ({
      ...{ id: visible(hostId), name: visible(names.get(hostId) ?? hostId), ms, basis: visible(basis) },
    })),
    window: until === 0 ? null : { from, until, fits },
  };
}

export function budgetDocuments({ budgets }: PlanFleetResponse): readonly BudgetDocument[] {
  return budgets.map(({ name, maxGroups, groups }) => ({
    name: visible(name),
    maxGroups: maxGroups === 0 ? null : maxGroups,
    groups: groups.map(({ value, hosts, most }) => ({ value: visible(value), hosts, most })),
  }));
}

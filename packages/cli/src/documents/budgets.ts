import { visible } from "@afterpatch/core/text";
import type { ListBudgetsResponse } from "../connection.ts";

/** `afterpatch.budgets/v1`. */
export interface BudgetsDocument {
  readonly schema: "afterpatch.budgets/v1";
  readonly budgets: readonly BudgetDocument[];
}

export interface BudgetDocument {
  /** Null: of the file. */
  readonly rollout: string | null;
  readonly name: string;
  /** How many groups may have a host that is unavailable; null: any number. */
  readonly groupLimit: { readonly most: number; readonly left: number } | null;
  readonly groups: readonly GroupDocument[];
}

export interface GroupDocument {
  /** Of the label; null where the budget has none. */
  readonly value: string | null;
  readonly size: number;
  readonly most: number;
  readonly left: number;
  readonly charged: readonly {
    readonly host: string;
    readonly causes: readonly { readonly why: string; readonly rollout: string | null; readonly since: number }[];
  }[];
}

export function budgetsDocument({ budgets }: ListBudgetsResponse): BudgetsDocument {
  return {
    schema: "afterpatch.budgets/v1",
    budgets: budgets.map(({ rolloutId, name, limit, groups }) => ({
      rollout: visible(rolloutId) || null,
      name: visible(name),
      groupLimit: limit ? { most: limit.most, left: limit.left } : null,
      groups: groups.map(({ value, size, most, left, charged }) => ({
        ...{ value: visible(value) || null, size, most, left },
        charged: charged.map(({ name: host, causes }) => ({
          host: visible(host),
          causes: causes.map(({ why, rolloutId: by, since }) => ({
            ...{ why: visible(why), rollout: visible(by) || null, since },
          })),
        })),
      })),
    })),
  };
}

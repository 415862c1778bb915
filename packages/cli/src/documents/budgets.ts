import { visible } from "@afterpatch/core/text";
import type { ListBudgetsResponse } from "../connection.ts";
import { type HoldDocument, holdDocument } from "./holds.ts";

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
  /** Not charged, for a person wrote them off. */
  readonly writtenOff: readonly { readonly host: string; readonly by: HoldDocument | null }[];
}

export function budgetsDocument({ budgets }: ListBudgetsResponse): BudgetsDocument {
  return {
    schema: "afterpatch.budgets/v1",
    budgets: budgets.map(({ rolloutId, name, limit, groups }) => ({
      rollout: visible(rolloutId) || null,
      name: visible(name),
      groupLimit: limit ? { most: limit.most, left: limit.left } : null,
      groups: groups.map(({ value, size, most, left, charged, writtenOff }) => ({
        ...{ value: visible(value) || null, size, most, left },
        writtenOff: writtenOff.map((one) => ({ host: visible(one.name), by: holdDocument(one.by) })),
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

import { expect, test } from "vitest";
import type { BudgetsDocument, GroupDocument } from "../documents/budgets.ts";
import { plain } from "../shell.ts";
import { renderBudgets } from "./budgets.ts";

const NOW = 1_790_000_000_000;
const free = (value: string): GroupDocument => ({ value, size: 4, most: 1, left: 1, charged: [], writtenOff: [] });
const BUDGETS: BudgetsDocument = {
  schema: "afterpatch.budgets/v1",
  budgets: [
    {
      ...{ rollout: "r1", name: "by zone: at most 1", groupLimit: { most: 1, left: 0 } },
      groups: [
        {
          ...{ value: "a", size: 4, most: 1, left: 0 },
          charged: [
            {
              host: "web01",
              causes: [
                { why: "failed in rollout r0: step-failed", rollout: "r0", since: NOW - 7_200_000 },
                { why: "not connected", rollout: null, since: NOW - 300_000 },
              ],
            },
          ],
          writtenOff: [{ host: "web02", by: { actor: "ada", reason: "dead", since: 1, until: null } }],
        },
        free("b"),
        free("c"),
      ],
    },
  ],
};

test("each budget with who is charged, for how long, and who is not; groups where nobody is are counted", () => {
  expect(renderBudgets(BUDGETS, NOW, plain, false)).toBe(`by zone: at most 1 (rollout r1); 0 of 1 group left
GROUP  HOSTS  AT MOST  CHARGED  LEFT
a          4        1        1     0
2 groups with nobody charged
  web01: failed in rollout r0: step-failed, for 2h
  web01: not connected, for 5m
  web02: not charged, written off by ada: dead
`);
  expect(renderBudgets(BUDGETS, NOW, plain, true)).toMatch(/^c +4 +1 +0 +1$/m);
});

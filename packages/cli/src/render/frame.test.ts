import type { HostState } from "@afterpatch/core/rollout/types";
import stringWidth from "string-width";
import { expect, test } from "vitest";
import type { OutlookDocument } from "../documents/outlook.ts";
import { type RolloutDocument, type RolloutHostDocument, totalsOf } from "../documents/rollout.ts";
import { plain } from "../shell.ts";
import { frame } from "./frame.ts";

const AT = new Date(2026, 0, 2, 3, 4, 0).getTime();

const host = (name: string, state: HostState, reason = "", changedAt = AT - 5_000): RolloutHostDocument => ({
  ...{ id: name, name, state, reason, steps: [], residue: [], rebootDueAt: null, changedAt },
});
function rollout(...hosts: readonly RolloutHostDocument[]): RolloutDocument {
  return {
    ...{
      schema: "afterpatch.rollout/v1",
      id: "r1",
      name: "",
      reason: "DSA-1",
      actor: "admin",
      state: "running",
      why: "",
    },
    ...{ createdAt: AT - 65_000, endedAt: null, digest: "d", hosts, uncovered: [], totals: totalsOf(hosts) },
  };
}
const OUTLOOK: OutlookDocument = {
  waves: [
    {
      ...{ name: "canary", state: "baking", hosts: 1, ended: 1, inHand: 0, failed: 1 },
      after: [],
      bakeUntil: AT + 60_000,
    },
    {
      ...{ name: "rest", state: "blocked", hosts: 8, ended: 2, inHand: 3, failed: 0 },
      after: ["canary"],
      bakeUntil: null,
    },
  ],
  budgets: [{ name: "zone", group: "a", charged: 1, most: 1 }],
  waits: [{ kind: "wave", why: "its wave waits", hosts: 8, names: ["web02", "web03", "web04"], until: AT + 90_000 }],
  endsAt: AT + 120_000,
};
const RUN = rollout(host("web01", "failed", "step failed"), host("web02", "acting"), host("web03", "pending"));

test("a large terminal shows all of it", () => {
  expect(frame({ rollout: RUN, outlook: OUTLOOK }, AT, 100, 30, plain)).toEqual([
    "Rollout r1 running",
    "1 pending, 1 acting, 1 failed | for 1m5s | ends about 03:06, in 2m",
    "wave canary [############] 1/1 watched until 03:05, for 1m more, 1 failed or lost",
    "wave rest   [###.........] 2/8 after canary, 3 in hand",
    "budget zone (a): 1 of 1 unavailable, full",
    "8 hosts wait (web02, web03, web04, ...): its wave waits (until 03:05, 1m30s)",
    "  web01 failed for 5s: step failed",
    "  web02 acting for 5s",
  ]);
});

test("an older controller tells nothing of waves; the rest is shown", () => {
  expect(frame({ rollout: RUN, outlook: null }, AT, 100, 30, plain)).toEqual([
    "Rollout r1 running",
    "1 pending, 1 acting, 1 failed | for 1m5s",
    "  web01 failed for 5s: step failed",
    "  web02 acting for 5s",
  ]);
});

const WIDE = "\u6771\u4eac\u{1f680}e\u0301".repeat(20);
const CROWD = rollout(
  ...Array.from({ length: 40 }, (_, index) => host(`web${index}`, "acting", WIDE, AT - index)),
  host("db1", "failed", WIDE),
);
const MANY: OutlookDocument = {
  ...OUTLOOK,
  waves: Array.from(
    { length: 12 },
    (_, index) => ({ ...OUTLOOK.waves[1], name: `w${index}` }) as OutlookDocument["waves"][number],
  ),
};

test.each([
  [80, 24],
  [200, 60],
  [40, 10],
  [20, 5],
  [10, 3],
  [2, 2],
  [1, 1],
])(
  "%i by %i: no line as wide as the window, no more lines than fit, wide characters counted as such",
  (columns, rows) => {
    const lines = frame({ rollout: CROWD, outlook: MANY }, AT, columns, rows, plain);
    expect(lines.length).toBeLessThanOrEqual(Math.max(2, rows - 1));
    for (const line of lines) expect(stringWidth(line)).toBeLessThan(Math.max(2, columns));
  },
);

test("where not all fits, each part has a share, trouble comes first, and how much more there is is said", () => {
  const lines = frame({ rollout: CROWD, outlook: MANY }, AT, 60, 16, plain);
  expect(lines).toHaveLength(15);
  expect(lines.filter((line) => line.startsWith("wave "))).toHaveLength(5);
  expect(lines).toContain("  and 7 more");
  expect(lines.find((line) => line.startsWith("  db1 failed"))).toMatch(/…$/);
  expect(lines.at(-1)).toMatch(/^ {2}and \d+ more$/);
});

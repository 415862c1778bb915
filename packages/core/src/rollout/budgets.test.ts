import { expect, test } from "vitest";
import type { BudgetSpec } from "../rollout-file/spec.ts";
import { type BudgetHost, budgetsOf, overBudget } from "./budgets.ts";
import { useOf } from "./causes.ts";

/** a1 a2 a3 a4 in zone a, b1 b2 in zone b, x in none. */
const FLEET: readonly BudgetHost[] = ["a1", "a2", "a3", "a4", "b1", "b2", "x"].map((id) => ({
  id,
  name: id,
  labels: id === "x" ? {} : { zone: id.slice(0, 1) },
}));
const ALL = new Set(FLEET.map(({ id }) => id));

const most = (count: number) => ({ kind: "unavailable", size: { kind: "hosts", count } }) as const;
const percent = (of: number) => ({ kind: "unavailable", size: { kind: "percent", percent: of } }) as const;
const NONE = { kind: "unavailable", size: { kind: "none" } } as const;

function spec(limit: BudgetSpec["limit"], rest: Partial<BudgetSpec> = {}): BudgetSpec {
  return { by: "zone", select: null, acceptOutage: true, limit, ...rest };
}

function why(hostId: string, charged: readonly string[], ...specs: readonly BudgetSpec[]): string | null {
  const made = budgetsOf(specs, FLEET, ALL);
  if (made.kind !== "budgets") throw new Error(JSON.stringify(made));
  return overBudget(hostId, made.budgets, new Set(charged));
}

test.each<[string, string, readonly string[], readonly BudgetSpec[], string | null]>([
  ["none is taken", "a1", [], [spec(most(1))], null],
  ["one of the same group", "a1", ["a2"], [spec(most(1))], "1 of 4 unavailable in a, at most 1"],
  ["one of another group", "a1", ["b1"], [spec(most(1))], null],
  ["itself is no other", "a1", ["a1", "a2"], [spec(most(1))], null],
  ["half of four is two", "a1", ["a2"], [spec(percent(50))], null],
  ["half of four is not three", "a1", ["a2", "a3"], [spec(percent(50))], "2 of 4 unavailable in a, at most 2"],
  ["a tenth of four is one", "a1", ["a2"], [spec(percent(10))], "at most 1"],
  ["none means none", "a1", [], [spec(NONE)], "0 of 4 unavailable in a, at most 0"],
  ["hosts without the label do not stand in for one another", "x", ["a1", "b1"], [spec(most(1))], null],
  ["over all hosts", "b1", ["a1"], [spec(most(1), { by: null })], "1 of 7 unavailable, at most 1"],
  ["hosts that it is not over", "a1", ["a2"], [spec(most(1), { select: "zone=b" })], null],
  ["all have to allow it", "a1", ["b1"], [spec(most(1)), spec(most(1), { by: null })], "1 of 7 unavailable"],
  ["a majority of four lets one go", "a1", [], [spec({ kind: "quorum" })], null],
  ["and not two", "a1", ["a2"], [spec({ kind: "quorum" })], "1 of 4 unavailable in a, at most 1"],
  ["one zone at a time: another zone", "a1", ["b1"], [spec({ kind: "groups", most: 1 })], "1 groups have"],
  ["one zone at a time: the same zone", "b2", ["b1"], [spec({ kind: "groups", most: 1 })], null],
  ["two zones at a time", "a1", ["b1"], [spec({ kind: "groups", most: 2 })], null],
])("%s", (_name, hostId, charged, specs, expected) => {
  const said = why(hostId, charged, ...specs);
  if (expected === null) expect(said).toBeNull();
  else expect(said).toContain(expected);
});

test.each<[string, BudgetSpec, readonly string[], string | null]>([
  ["a group of one", spec(most(1), { acceptOutage: false }), ["x"], "it is the only host of its group"],
  ["a group of one that is not taken", spec(most(1), { acceptOutage: false }), ["a1"], null],
  ["a quorum of two", spec({ kind: "quorum" }, { acceptOutage: false }), ["b1"], "no quorum is left of 2 hosts"],
  ["a quorum of two that is accepted", spec({ kind: "quorum" }), ["b1"], null],
])("an outage has to be accepted: %s", (_name, budget, planned, expected) => {
  const made = budgetsOf([budget], FLEET, new Set(planned));
  expect(made.kind === "outage" ? made.why : null).toEqual(
    expected === null ? null : expect.stringContaining(expected),
  );
});

test("a pattern that matches nothing is an error", () => {
  const made = budgetsOf([spec(most(1)), spec(most(1), { select: "zone=q" })], FLEET, ALL);
  expect(made).toMatchObject({ kind: "nothing", budget: 1, why: { kind: "unmatched" } });
});

test.each<[string, BudgetSpec["limit"], boolean, number | RegExp]>([
  ["a majority of five of which one is not enrolled", { kind: "quorum" }, false, 1],
  ["at most three of five, one of them not enrolled", most(3), false, 2],
  ["at most one, and it is not enrolled", most(1), false, /1 of its 5 hosts is not enrolled/],
  ["an outage that is accepted", most(1), true, 1],
])("%s", (_name, limit, acceptOutage, expected) => {
  const zone = FLEET.filter(({ labels }) => labels.zone === "a");
  const absent = { id: "", name: "a5", labels: {}, isAbsent: true };
  const made = budgetsOf([spec(limit, { by: null, select: "etcd", acceptOutage })], FLEET, ALL, () => ({
    kind: "selected",
    hosts: [...zone, absent],
  }));
  if (made.kind === "budgets")
    expect(made.budgets[0]?.groups).toMatchObject([{ hostIds: { length: 4 }, most: expected }]);
  else expect(made).toMatchObject({ kind: "outage", why: expect.stringMatching(String(expected).slice(1, -1)) });
});

const GROUPS = { kind: "groups", most: 1 } as const;

test.each<[string, readonly string[], BudgetSpec, string | null]>([
  ["another group", ["a1"], spec(GROUPS, { acceptOutage: false }), "1 group has a host that is not enrolled"],
  ["the same group", ["b1"], spec(GROUPS, { acceptOutage: false }), null],
  ["another group beside it", ["a1"], spec({ kind: "groups", most: 2 }, { acceptOutage: false }), null],
  ["another group, and an outage that is accepted", ["a1"], spec(GROUPS, { acceptOutage: true }), null],
])("a member that is not enrolled takes its group: %s", (_name, planned, wanted, expected) => {
  const absent = { id: "", name: "b3", labels: { zone: "b" }, isAbsent: true };
  const made = budgetsOf([{ ...wanted, select: "all" }], FLEET, new Set(planned), () => ({
    kind: "selected",
    hosts: [...FLEET, absent],
  }));
  if (expected !== null) expect(made).toMatchObject({ kind: "outage", why: expect.stringContaining(expected) });
  else expect(made.kind === "budgets" && overBudget(planned[0] ?? "", made.budgets, new Set())).toBeNull();
});

test("a group of which nobody is enrolled is counted all the same, and told", () => {
  const absent = { id: "", name: "c1", labels: { zone: "c" }, isAbsent: true };
  const budget = spec({ kind: "groups", most: 2 }, { select: "all", acceptOutage: false });
  const hosts = [...FLEET.filter(({ id }) => id !== "x"), absent];
  const made = budgetsOf([budget], FLEET, ALL, () => ({ kind: "selected", hosts }));
  if (made.kind !== "budgets") throw new Error(JSON.stringify(made));
  expect(overBudget("a1", made.budgets, new Set(["b1"]))).toContain(
    "2 groups have a host that is unavailable, at most 2",
  );
  const [frozen] = made.budgets;
  expect(frozen && useOf(frozen, () => [], new Set())).toMatchObject({ maxGroups: 2, groupsLeft: 1 });
});

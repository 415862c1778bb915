import { expect, test } from "vitest";
import { type Reach, reachOf, selectReached } from "./reach.ts";
import { type ScopeInventory, scopeMistake } from "./scope.ts";

const host = (name: string, labels: Readonly<Record<string, string>> = {}) => ({ name, labels });
const FLEET = [
  host("db01", { role: "db" }),
  host("web01", { role: "web" }),
  host("web02", { role: "web" }),
  host("x9"),
];

const entry = (name: string, labels: Readonly<Record<string, string>> = {}, address = "") => ({
  name,
  address,
  labels,
});
const INVENTORY: ScopeInventory = {
  hosts: [entry("web02", { zone: "b" }), entry("front", { zone: "a" }, "web01"), entry("db01"), entry("db02")],
  groups: [
    { name: "web", members: [1, 0] },
    { name: "db", members: [2, 3] },
  ],
};

function reached(inventory: ScopeInventory | null = INVENTORY): Reach<(typeof FLEET)[number]> {
  const reach = reachOf(FLEET, inventory);
  if (reach.kind !== "reach") throw new Error(reach.why);
  return reach;
}

function names(pattern: string, limits: readonly string[] = [], inventory: ScopeInventory | null = INVENTORY) {
  const selection = selectReached(pattern, limits, reached(inventory));
  return selection.kind === "selected"
    ? selection.hosts.map(({ name, host }) => (host ? name : `${name}?`))
    : selection.kind;
}

test.each<[string, string, readonly string[], readonly string[] | string]>([
  ["all is the inventory, in its order", "all", [], ["web02", "web01", "db01", "db02?"]],
  ["a group has its hosts as declared", "web", [], ["web01", "web02"]],
  ["a subscript counts them so", "web[0]", [], ["web01"]],
  ["both names of a host are known", "front,web01", [], ["web01"]],
  ["a label of the fleet selects among them", "role=web", [], ["web02", "web01"]],
  ["a label of the inventory selects", "zone=b", [], ["web02"]],
  ["limits narrow one after another", "all", ["web:db", "!web02", "*0[12]*"], ["web01", "db01", "db02?"]],
  ["what nobody enrolled stays in sight", "db:!db01", [], ["db02?"]],
  ["an enrolled host that is not in it is none", "x9", [], "unmatched"],
  ["a limit that matches nothing is an error", "all", ["wbe"], "unmatched"],
  ["a limit that leaves nothing is one too", "web", ["db"], "empty"],
])("%s", (_name, pattern, limits, expected) => expect(names(pattern, limits)).toEqual(expected));

test("without an inventory all is the fleet", () => {
  expect(names("all", ["!x9"], null)).toEqual(["db01", "web01", "web02"]);
});

test("labels of both are put together, and have to agree", () => {
  expect(reached().fleet.find(({ name }) => name === "web01")?.labels).toEqual({ role: "web", zone: "a" });
  const other = { hosts: [entry("web01", { role: "db" })], groups: [] };
  expect(reachOf(FLEET, other)).toEqual({ kind: "invalid", why: expect.stringContaining("role=web, and the inv") });
  const twice = { hosts: [entry("web01", { zone: "a" }), entry("w1", { zone: "b" }, "web01")], groups: [] };
  expect(reachOf(FLEET, twice)).toMatchObject({ kind: "invalid" });
});

test("people are told of hosts that are left out, known by a hint, or named twice", () => {
  const twice = { hosts: [entry("web01"), entry("w1", {}, "web01"), entry("d1", {}, "db01")], groups: [] };
  const reach = reached(twice);
  expect(reach.notes).toEqual([
    "the inventory has 2 names for host web01: web01, w1",
    "known by ansible_host alone: d1 is host db01",
    "2 enrolled hosts are not in the inventory and not looked at: web02, x9",
  ]);
  expect(names("all", [], twice)).toEqual(["web01", "db01"]);
});

test.each<[string, ScopeInventory, RegExp]>([
  ["a member that is no host", { hosts: [entry("a")], groups: [{ name: "g", members: [1] }] }, /no host/],
  ["a host twice", { hosts: [entry("a"), entry("a")], groups: [] }, /twice/],
  ["no host", { hosts: [], groups: [] }, /no hosts/],
  ["a label that is none", { hosts: [entry("a", { Zone: "x" })], groups: [] }, /label key/],
])("%s is refused", (_name, inventory, why) => expect(scopeMistake({ limits: [], inventory })).toMatch(why));

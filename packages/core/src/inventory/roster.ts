import type { ScopeHost, ScopeInventory } from "../fleet/scope.ts";
import type { Roster } from "../fleet/term.ts";
import { type Inventory, membersOf } from "./tree.ts";

/** An inventory as patterns see it: groups as declared, each with the hosts of the groups below it. It has no labels. */
export function inventoryRoster(inventory: Inventory): Roster<string> {
  const groups = new Map([...inventory.groups.keys()].map((name) => [name, membersOf(inventory, name)]));
  return { hosts: new Map([...inventory.hosts].map((name) => [name, name])), groups, labels: new Map() };
}

/** An inventory as orders carry it: what patterns need, and of variables what `about` says. */
export function inventoryScope(inventory: Inventory, about: (host: string) => Omit<ScopeHost, "name">): ScopeInventory {
  const names = [...inventory.hosts];
  const at = new Map(names.map((name, index) => [name, index]));
  const declared = [...inventory.groups.keys()].filter((name) => name !== "all");
  return {
    hosts: names.map((name) => {
      const { address, labels } = about(name);
      return { name, address, labels };
    }),
    groups: declared.map((name) => ({
      name,
      members: membersOf(inventory, name).flatMap((host) => at.get(host) ?? []),
    })),
  };
}

import type { Roster } from "../fleet/term.ts";
import { type Inventory, membersOf } from "./tree.ts";

/** An inventory as patterns see it: groups as declared, each with the hosts of the groups below it. It has no labels. */
export function inventoryRoster(inventory: Inventory): Roster<string> {
  const groups = new Map([...inventory.groups.keys()].map((name) => [name, membersOf(inventory, name)]));
  return { hosts: new Map([...inventory.hosts].map((name) => [name, name])), groups, labels: new Map() };
}

import { usageError } from "@afterpatch/core/command-error";
import type { ScopeInventory } from "@afterpatch/core/fleet/scope";
import { inventoryScope } from "@afterpatch/core/inventory/roster";
import { ADDRESS, flattened, type LabelMap, labelsFrom } from "@afterpatch/core/inventory/variables";
import { echoed } from "@afterpatch/core/text";
import { readBeside } from "./beside.ts";
import { readInventory } from "./read.ts";

/** Inventories as orders carry them: names, groups, and of variables what `map` makes labels of. */
export async function readLabelled(
  sources: readonly string[],
  map: LabelMap,
  mayExecute: boolean,
): Promise<ScopeInventory> {
  const wanted = new Set([ADDRESS, ...map.values()]);
  const inventory = await readInventory(sources, { wanted, mayExecute });
  const variables = flattened(inventory, await readBeside(sources, inventory, wanted));
  return inventoryScope(inventory, (host) => {
    const found = labelsFrom(host, variables(host), map);
    if (found.kind === "labels") return found;
    throw usageError("inventory", found.why, "map another variable, or give it a plain value");
  });
}

/** `zone=ec2_az`: labels by their keys, each with the variable that it is taken from. */
export function labelMap(texts: readonly string[]): LabelMap {
  const map = new Map<string, string>();
  for (const text of texts) {
    const [, key, variable] = /^([a-z][a-z0-9_.-]{0,62})=([A-Za-z_][A-Za-z0-9_]*)$/.exec(text) ?? [];
    if (key === undefined || variable === undefined)
      throw usageError("--inventory-label", `${echoed(text)} is not LABEL=VARIABLE`, "write it like zone=ec2_az");
    if (map.has(key)) throw usageError("--inventory-label", `${echoed(key)} is given twice`, "give each label once");
    map.set(key, variable);
  }
  return map;
}

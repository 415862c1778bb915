import { usageError } from "@afterpatch/core/command-error";
import { type Scope, scopeMistake } from "@afterpatch/core/fleet/scope";
import { inventoryScope } from "@afterpatch/core/inventory/roster";
import type { Argv } from "yargs";
import { limitOf } from "../inventory/limit.ts";
import { readInventory } from "../inventory/read.ts";
import type { Shell } from "../shell.ts";

/** Of every command that takes hosts. */
export function scopeOptions<T>(parser: Argv<T>) {
  return inventoryOption(parser).option("limit", {
    alias: "l",
    ...LIST,
    describe: "Of the selected hosts those alone that this pattern selects too; @FILE: of a file, one term a line",
  });
}

const LIST = { type: "string", array: true, requiresArg: true } as const;

export function inventoryOption<T>(parser: Argv<T>) {
  return parser.option("inventory", {
    alias: "i",
    ...LIST,
    describe: "Ansible inventory: a file, a directory, or names with commas; may be repeated [AFTERPATCH_INVENTORY]",
  });
}

interface ScopeArgs {
  readonly inventory?: readonly string[] | undefined;
  readonly limit?: readonly string[] | undefined;
}

/** What `-i` and `-l` say, or the environment. */
export async function scopeOf(args: ScopeArgs, shell: Shell): Promise<Scope> {
  const limits = await Promise.all((args.limit ?? []).map(limitOf));
  const sources = sourcesOf(args, shell);
  const inventory = sources.length === 0 ? null : inventoryScope(await readInventory(sources));
  const scope = { limits, inventory };
  const mistake = scopeMistake(scope);
  if (mistake !== null) throw usageError("inventory", mistake, "see docs/inventories.md");
  return scope;
}

/** Inventories that were named; empty: none. */
export function sourcesOf({ inventory = [] }: Pick<ScopeArgs, "inventory">, { access }: Shell): readonly string[] {
  if (inventory.length > 0) return inventory;
  return access.inventory === null ? [] : [access.inventory];
}

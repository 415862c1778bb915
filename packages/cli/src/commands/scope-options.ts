import { usageError } from "@afterpatch/core/command-error";
import { type Scope, scopeMistake } from "@afterpatch/core/fleet/scope";
import type { LabelMap } from "@afterpatch/core/inventory/variables";
import type { Argv } from "yargs";
import { limitOf } from "../inventory/limit.ts";
import { labelMap, readLabelled } from "../inventory/labelled.ts";
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
  return parser
    .option("inventory", {
      alias: "i",
      ...LIST,
      describe: "Ansible inventory: a file, a directory, or names with commas; may be repeated [AFTERPATCH_INVENTORY]",
    })
    .option("inventory-label", {
      ...LIST,
      describe: "A label taken from a variable of the inventory: zone=ec2_az [AFTERPATCH_INVENTORY_LABELS]",
    })
    .option("inventory-exec", {
      type: "boolean",
      default: false,
      describe: "Run inventories that are programs, with --list",
    });
}

export interface ScopeArgs {
  readonly inventory?: readonly string[] | undefined;
  readonly inventoryLabel?: readonly string[] | undefined;
  readonly inventoryExec?: boolean;
  readonly limit?: readonly string[] | undefined;
}

/** What `-i` and `-l` say, or the environment. */
export async function scopeOf(args: ScopeArgs, shell: Shell): Promise<Scope> {
  const limits = await Promise.all((args.limit ?? []).map(limitOf));
  const sources = sourcesOf(args, shell);
  const map = labelMapOf(args, shell);
  const inventory = sources.length === 0 ? null : await readLabelled(sources, map, args.inventoryExec === true);
  const scope = { limits, inventory };
  const mistake = scopeMistake(scope);
  if (mistake !== null) throw usageError("inventory", mistake, "see docs/inventories.md");
  return scope;
}

/** Labels that are asked for where no inventory is named are a mistake of the command line, and none of the environment. */
function labelMapOf({ inventoryLabel = [], ...args }: ScopeArgs, shell: Shell): LabelMap {
  if (inventoryLabel.length === 0)
    return labelMap((shell.access.inventoryLabels ?? "").split(",").filter((one) => one !== ""));
  if (sourcesOf(args, shell).length === 0)
    throw usageError("--inventory-label", "no inventory is named", "write -i FILE");
  return labelMap(inventoryLabel);
}

/** Inventories that were named; empty: none. */
export function sourcesOf({ inventory = [] }: ScopeArgs, { access }: Shell): readonly string[] {
  if (inventory.length > 0) return inventory;
  return access.inventory === null ? [] : [access.inventory];
}

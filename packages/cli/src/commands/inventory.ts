import { CommandError, usageError } from "@afterpatch/core/command-error";
import { EXIT } from "@afterpatch/core/exit";
import { selectIn } from "@afterpatch/core/fleet/select";
import { graph, listing } from "@afterpatch/core/inventory/print";
import { inventoryRoster } from "@afterpatch/core/inventory/roster";
import { visible } from "@afterpatch/core/text";
import { command } from "../command.ts";
import { readInventory } from "../inventory/read.ts";
import { checkTarget, emit } from "../output.ts";
import type { Shell } from "../shell.ts";
import { inventoryOption, sourcesOf } from "./scope-options.ts";

const EXITS = "0 read, 5 usage, or an inventory that cannot be read";

function read(args: Parameters<typeof sourcesOf>[0], shell: Shell) {
  const sources = sourcesOf(args, shell);
  if (sources.length > 0) return readInventory(sources, { mayExecute: args.inventoryExec === true });
  throw usageError("inventory", "none is named", "write -i FILE");
}

export const inventoryCheck = command({
  syntax: "check",
  summary: "Whether inventories can be read, and how much is in them",
  options: (parser) => inventoryOption(parser),
  exits: EXITS,
  examples: [["afterpatch inventory check -i web01,web02,", "two hosts"]],
  run: async (args, shell) => {
    await checkTarget(args);
    const { hosts, groups } = await read(args, shell);
    const document = { schema: "afterpatch.inventory/v1", hosts: hosts.size, groups: groups.size };
    await emit({ document, table: () => `${hosts.size} hosts in ${groups.size} groups\n` }, args, shell);
    return EXIT.ok;
  },
});

export const inventoryList = command({
  syntax: "list",
  summary: "Groups with their hosts and children; -o json as ansible-inventory --list, without variables",
  options: (parser) => inventoryOption(parser),
  exits: EXITS,
  examples: [["afterpatch inventory list -i web01,web02, -o json", "for programs that read Ansible's form"]],
  run: async (args, shell) => {
    await checkTarget(args);
    const inventory = await read(args, shell);
    const names = () => [...inventory.hosts].map((name) => `${visible(name)}\n`).join("");
    await emit({ document: listing(inventory), table: names }, args, shell);
    return EXIT.ok;
  },
});

export const inventoryGraph = command({
  syntax: "graph",
  summary: "Groups and hosts drawn as a tree, as ansible-inventory --graph",
  options: (parser) => inventoryOption(parser),
  exits: EXITS,
  examples: [["afterpatch inventory graph -i web01,web02,", "what is in which group"]],
  run: async (args, shell) => {
    await checkTarget(args);
    const lines = graph(await read(args, shell)).map(visible);
    const document = { schema: "afterpatch.inventorygraph/v1", lines };
    await emit({ document, table: () => `${lines.join("\n")}\n` }, args, shell);
    return EXIT.ok;
  },
});

export const inventoryHosts = command({
  syntax: "hosts <pattern>",
  summary: "Which hosts of inventories a pattern selects, in Ansible's order",
  options: (parser) =>
    inventoryOption(parser).positional("pattern", { type: "string", demandOption: true, describe: "Hosts and groups" }),
  exits: `${EXITS}; 6 a term matches nothing`,
  examples: [["afterpatch inventory hosts 'web*:!web02' -i web01,web02,", "what a pattern means before it is used"]],
  run: async (args, shell) => {
    await checkTarget(args);
    const selection = selectIn(args.pattern, inventoryRoster(await read(args, shell)));
    switch (selection.kind) {
      case "selected": {
        const hosts = selection.hosts.map(visible);
        const document = { schema: "afterpatch.inventoryhosts/v1", hosts };
        await emit({ document, table: () => hosts.map((name) => `${name}\n`).join("") }, args, shell);
        return EXIT.ok;
      }
      case "invalid":
        throw usageError("pattern", selection.why, "see docs/inventories.md");
      case "empty":
        throw new CommandError(EXIT.selection, "pattern", selection.why, "widen it");
      case "unmatched": {
        const [first] = selection.terms;
        const near =
          first && first.nearest.length > 0 ? `did you mean ${first.nearest.join(", ")}?` : "see 'inventory graph'";
        throw new CommandError(EXIT.selection, "pattern", `nothing matches '${first?.term ?? ""}'`, near);
      }
    }
  },
});

import { EXIT } from "@afterpatch/core/exit";
import { NO_SCOPE } from "@afterpatch/core/fleet/scope";
import { command } from "../command.ts";
import { budgetsDocument } from "../documents/budgets.ts";
import { checkTarget, emit } from "../output.ts";
import { renderBudgets } from "../render/budgets.ts";
import { fileOption, readRollout } from "../rollout-file.ts";
import { inventoryOption, scopeOf } from "./scope-options.ts";

export const budgets = command({
  syntax: "budgets",
  summary: "Who is charged to which budget and why, and what is left",
  options: (parser) => fileOption(inventoryOption(parser)),
  exits: "0 shown, 4 controller unreachable, 5 usage, file or credentials, 6 a pattern of the file matches nobody",
  examples: [
    ["afterpatch budgets", "of the open rollouts"],
    ["afterpatch budgets -f openssl.yaml -o wide", "of a file, over the fleet of now; all groups"],
  ],
  run: async (args, shell) => {
    const input = args.file === undefined ? null : await readRollout(args.file, shell.err);
    const scope = input === null ? NO_SCOPE : await scopeOf(args, shell);
    await checkTarget(args);
    const { connect } = await import("../connection.ts");
    const document = budgetsDocument(await (await connect(shell)).listBudgets(input?.text ?? "", scope));
    const text = (...[paint, isWide]: Parameters<Parameters<typeof emit>[0]["table"]>) =>
      renderBudgets(document, shell.now(), paint, isWide);
    await emit({ document, table: text }, args, shell);
    return EXIT.ok;
  },
});

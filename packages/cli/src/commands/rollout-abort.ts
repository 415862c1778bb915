import { EXIT } from "@afterpatch/core/exit";
import { command } from "../command.ts";
import { rolloutDocument } from "../documents/rollout.ts";
import { checkTarget, emit } from "../output.ts";
import { renderRollout } from "../render/rollout.ts";

export const rolloutAbort = command({
  syntax: "abort <id>",
  summary: "Begin no further host; hosts at work finish",
  options: (parser) =>
    parser
      .positional("id", { type: "string", demandOption: true, describe: "Rollout" })
      .option("reason", { type: "string", requiresArg: true, describe: "Why, for the history" }),
  examples: [["afterpatch rollout abort 01JZ8K2V --reason 'wrong hosts'", "stop it"]],
  run: async (args, shell) => {
    await checkTarget(args);
    const { connect } = await import("../connection.ts");
    const control = await connect(shell);
    const document = rolloutDocument(await control.abortRollout(args.id, args.reason ?? ""));
    await emit({ document, table: (paint, isWide) => renderRollout(document, paint, isWide) }, args, shell);
    return EXIT.ok;
  },
});

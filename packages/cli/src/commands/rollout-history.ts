import { EXIT } from "@afterpatch/core/exit";
import { usageError } from "@afterpatch/core/command-error";
import { wholeNumberOf } from "@afterpatch/core/command-line";
import { command } from "../command.ts";
import { historyDocument } from "../documents/history.ts";
import { rolloutDocument } from "../documents/rollout.ts";
import { checkTarget, emit } from "../output.ts";
import { renderEnded, renderEvents } from "../render/history.ts";

export const rolloutHistory = command({
  syntax: "history [id]",
  summary: "Rollouts that have ended, newest first; or all that happened in one",
  options: (parser) =>
    parser
      .positional("id", { type: "string", describe: "Rollout, ended or not" })
      .option("limit", { type: "string", default: "20", requiresArg: true, describe: "At most so many rollouts" }),
  exits: "0 shown, 4 controller unreachable, 5 usage or credentials, 6 no such rollout",
  examples: [
    ["afterpatch rollout history", "the last twenty"],
    ["afterpatch rollout history 20261122-190312-9f3a2c1b", "its events, one a line"],
    ["afterpatch rollout history 20261122-190312-9f3a2c1b -o jsonl", "for a program: one event a line"],
  ],
  run: async (args, shell) => {
    const limit = wholeNumberOf("--limit", args.limit, 1, 1_000);
    if (args.id === "") throw usageError("id", "is empty", "name a rollout, or leave it out");
    await checkTarget(args);
    const { connect } = await import("../connection.ts");
    const control = await connect(shell);
    if (args.id !== undefined) {
      const document = historyDocument(await control.listEvents(args.id));
      await emit({ document, lines: document.events, table: (paint) => renderEvents(document, paint) }, args, shell);
      return EXIT.ok;
    }
    const rollouts = (await control.listRollouts(limit, "ended")).map(rolloutDocument);
    const document = { schema: "afterpatch.rollouts/v1", rollouts };
    await emit(
      { document, lines: rollouts, table: (paint, isWide) => renderEnded(rollouts, paint, isWide) },
      args,
      shell,
    );
    return EXIT.ok;
  },
});

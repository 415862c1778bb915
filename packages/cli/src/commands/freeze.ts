import { EXIT } from "@afterpatch/core/exit";
import { usageError } from "@afterpatch/core/command-error";
import { command } from "../command.ts";
import { freezeDocument } from "../documents/holds.ts";
import { holdOptions, holdOrderOf } from "../hold-order.ts";
import { checkTarget, emit } from "../output.ts";
import { renderFreeze } from "../render/holds.ts";

export const freeze = command({
  syntax: "freeze [turn]",
  summary: "Begin no host of any rollout while it is on; hosts at work finish. Shows it without 'on' or 'off'",
  options: (parser) =>
    holdOptions(
      parser.positional("turn", { choices: ["on", "off"] as const, describe: "Freeze the fleet, or end that" }),
    ),
  exits: "0 done or shown, 4 controller unreachable, 5 usage or credentials",
  examples: [
    ["afterpatch freeze", "is the fleet frozen, since when and why"],
    ["afterpatch freeze on --reason 'sales day' --until 36h", "nothing begins before that"],
    ["afterpatch freeze off", "open rollouts go on"],
  ],
  run: async (args, shell) => {
    const { turn } = args;
    if (turn !== "on" && (args.reason !== undefined || args.until !== undefined))
      throw usageError(
        "freeze",
        "--reason and --until are of 'freeze on'",
        "write 'afterpatch freeze on --reason TEXT'",
      );
    const order = turn === "on" ? holdOrderOf(args) : null;
    await checkTarget(args);
    const { connect } = await import("../connection.ts");
    const control = await connect(shell);
    const answer =
      order !== null ? control.freezeFleet(order) : turn === "off" ? control.thawFleet() : control.getFreeze();
    const document = freezeDocument(await answer);
    await emit({ document, table: (paint) => renderFreeze(document, paint) }, args, shell);
    return EXIT.ok;
  },
});

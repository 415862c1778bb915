import { EXIT } from "@afterpatch/core/exit";
import { usageError } from "@afterpatch/core/command-error";
import { visible } from "@afterpatch/core/text";
import { command } from "../command.ts";
import { checkTarget, emit } from "../output.ts";
import { inventoryOption, scopeOf } from "./scope-options.ts";

export const writeoff = command({
  syntax: "writeoff <host>",
  summary: "Charge a host that failed or is lost to no budget any more, until it fails or is lost in a later permit",
  options: (parser) =>
    inventoryOption(parser)
      .positional("host", { type: "string", demandOption: true, describe: "One host" })
      .option("reason", { type: "string", requiresArg: true, describe: "Why, for the rollout's log" }),
  exits: "0 done, 4 controller unreachable, 5 usage, credentials, in hand, or nothing is charged, 6 no such host",
  examples: [["afterpatch writeoff web03 --reason 'board is dead, ticket 4711'", "the others need not wait for it"]],
  run: async (args, shell) => {
    const { host, reason = "" } = args;
    if (host.trim() === "") throw usageError("host", "is empty", "write the name of one host");
    if (reason.trim() === "") throw usageError("--reason", "is missing", "say why, for those who read the log");
    const scope = await scopeOf(args, shell);
    await checkTarget(args);
    const { connect } = await import("../connection.ts");
    const answer = await (await connect(shell)).writeOffHost(host, reason, scope);
    const [name, was, rollouts] = [visible(answer.name), answer.was.map(visible), answer.rollouts.map(visible)];
    const document = { schema: "afterpatch.writeoff/v1", name, was, rollouts };
    const log = rollouts.length === 0 ? "" : `Logged in ${rollouts.join(", ")}\n`;
    await emit({ document, table: () => `Written off ${name}; it was ${was.join("; ")}\n${log}` }, args, shell);
    return EXIT.ok;
  },
});

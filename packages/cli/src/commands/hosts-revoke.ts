import { usageError } from "@afterpatch/core/command-error";
import { EXIT } from "@afterpatch/core/exit";
import { visible } from "@afterpatch/core/text";
import { command } from "../command.ts";
import { checkTarget, emit } from "../output.ts";

export const hostsRevoke = command({
  syntax: "revoke <host>",
  summary: "Let a host in no more, for good, and end its connections at once; its id and its name stay taken",
  options: (parser) =>
    parser
      .positional("host", { type: "string", demandOption: true, describe: "One host" })
      .option("reason", { type: "string", requiresArg: true, describe: "Why, for the controller's log" })
      .option("yes", { type: "boolean", default: false, describe: "Do not ask" }),
  exits: "0 done, 4 controller unreachable, 5 usage, credentials, not confirmed, or permission refused, 6 no such host",
  examples: [["afterpatch hosts revoke web03 --reason 'stolen, ticket 4711' --yes", "its key may be in wrong hands"]],
  run: async (args, shell) => {
    const { host, reason = "", yes } = args;
    if (host.trim() === "") throw usageError("host", "is empty", "write the name of one host");
    if (reason.trim() === "") throw usageError("--reason", "is missing", "say why, for those who read the log");
    await checkTarget(args);
    const what = "hosts revoke";
    if (!yes && shell.ask === null) throw usageError(what, "nobody is at a terminal to confirm it", "add --yes");
    const answered = yes ? "y" : await shell.ask?.(`Revoke ${visible(host)} for good? [y/N] `);
    if (!/^y(es)?$/i.test(answered?.trim() ?? ""))
      throw usageError(what, "not confirmed, nothing was done", "answer y, or add --yes");
    const { connect } = await import("../connection.ts");
    const answer = await (await connect(shell)).revokeHost(host, reason);
    const [id, name] = [visible(answer.id), visible(answer.name)];
    const inHandOf = answer.inHandOf === "" ? null : visible(answer.inHandOf);
    const document = { schema: "afterpatch.revocation/v1", id, name, wasConnected: answer.wasConnected, inHandOf };
    const ended = answer.wasConnected ? "its connection was ended" : "it was not connected";
    const lost = inHandOf === null ? "" : `It was in hand of ${inHandOf}, which loses it.\n`;
    await emit({ document, table: () => `Revoked ${name}; ${ended}\n${lost}` }, args, shell);
    return EXIT.ok;
  },
});

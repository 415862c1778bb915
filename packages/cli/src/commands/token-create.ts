import { EXIT } from "@afterpatch/core/exit";
import { visible } from "@afterpatch/core/text";
import { durationOf, labelsOf } from "../arguments.ts";
import { wholeNumberOf } from "@afterpatch/core/command-line";
import { command } from "../command.ts";
import { usageError } from "@afterpatch/core/command-error";
import { checkTarget, emit } from "../output.ts";

const LONGEST_MS = 86_400_000;

export const tokenCreate = command({
  syntax: "create",
  summary: "Make a join token for new hosts and print it",
  options: (parser) =>
    parser
      .option("uses", { type: "string", default: "1", requiresArg: true, describe: "How many hosts may join with it" })
      .option("expires", {
        type: "string",
        default: "1h",
        requiresArg: true,
        describe: "How long it is valid, at most 24h",
      })
      .option("label", {
        type: "string",
        array: true,
        default: [] as string[],
        requiresArg: true,
        describe: "A label key=value that each of these hosts gets",
      }),
  exits: "0 printed, 4 controller unreachable, 5 usage or credentials; permission refused",
  examples: [
    ["afterpatch token create > join.token", "one host, within an hour"],
    ["afterpatch token create --uses 20 --expires 8h --label role=web", "twenty web servers, today"],
  ],
  run: async (args, shell) => {
    const uses = wholeNumberOf("--uses", args.uses, 1, 10_000);
    const expiresMs = durationOf("--expires", args.expires);
    if (expiresMs === 0 || expiresMs > LONGEST_MS)
      throw usageError("--expires", `'${args.expires}' is not within 24h`, "write 1s to 24h");
    const labels = labelsOf(args.label);
    await checkTarget(args);
    const { connect } = await import("../connection.ts");
    const control = await connect(shell);
    const { token, expiresAt } = await control.createToken({ uses, expiresMs, labels });
    const document = { schema: "afterpatch.token/v1", token: visible(token), expiresAt, uses, labels };
    // A secret: nobody but its owner may read the file.
    await emit({ document, table: () => `${visible(token)}\n` }, args, shell, 0o600);
    return EXIT.ok;
  },
});

import { EXIT } from "@afterpatch/core/exit";
import { usageError } from "@afterpatch/core/command-error";
import { wholeNumberOf } from "@afterpatch/core/command-line";
import { command } from "../command.ts";
import { windowsDocument } from "../documents/windows.ts";
import { checkTarget, emit } from "../output.ts";
import { renderWindows } from "../render/windows.ts";
import { fileOption, readRollout } from "../rollout-file.ts";

export const windowsNext = command({
  syntax: "next [id]",
  summary: "Whether hosts may begin now, and the next openings, in UTC and local time",
  options: (parser) =>
    fileOption(parser)
      .positional("id", { type: "string", describe: "Rollout; every open one if not given" })
      .option("count", { type: "string", default: "5", requiresArg: true, describe: "So many openings, 1 to 100" }),
  exits: "0 shown, 4 controller unreachable, 5 usage, file or credentials, 6 no such rollout",
  examples: [
    ["afterpatch windows next", "of the open rollouts"],
    ["afterpatch windows next -f openssl.yaml --count 10", "before it is started"],
  ],
  run: async (args, shell) => {
    const { id, file } = args;
    if (id !== undefined && file !== undefined)
      throw usageError("windows next", "a rollout and a file are named", "leave one of the two out");
    const count = wholeNumberOf("--count", args.count, 1, 100);
    const input = file === undefined ? null : await readRollout(file, shell.err);
    await checkTarget(args);
    const { connect } = await import("../connection.ts");
    const control = await connect(shell);
    const document = windowsDocument(await control.nextWindows(id ?? "", input?.text ?? "", count));
    await emit({ document, table: (paint) => renderWindows(document, paint) }, args, shell);
    return EXIT.ok;
  },
});

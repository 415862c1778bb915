import { usageError } from "@afterpatch/core/command-error";
import { EXIT } from "@afterpatch/core/exit";
import type { CommandModule } from "yargs";
import type { GlobalOptions } from "../command-line.ts";
import { configFor, sayIfInvalid } from "../config/look.ts";
import { narrowing } from "../config/narrow.ts";
import { checkTarget, emit } from "../output.ts";

export interface WhyArguments extends GlobalOptions {
  readonly pid: string;
  readonly format: "table" | "json";
  readonly out: string | undefined;
}

export const why: CommandModule<GlobalOptions, WhyArguments> = {
  command: "why <pid>",
  describe: "The evidence about one process: files, build-ids, owner, remedy, and why nothing smaller",
  builder: (parser) =>
    parser
      .positional("pid", { type: "string", demandOption: true, describe: "Number of the process" })
      .option("format", {
        alias: "o",
        choices: ["table", "json"] as const,
        default: "table" as const,
        requiresArg: true,
        describe: "How to print the result",
      })
      .option("out", { type: "string", requiresArg: true, describe: "Write the result to this file" })
      .example([
        ["afterpatch-agent why 1", "what PID 1 runs, and what would replace it"],
        ["afterpatch-agent why 1 -o json", "for a program (docs/why.schema.json)"],
      ]),
  handler: async (args) => {
    checkTarget(args);
    const pid = pidOf(args.pid);
    await sayIfInvalid(args);
    const config = await configFor(args);
    const { whyOf } = await import("../look/why.ts");
    const { renderWhy } = await import("../render/why.ts");
    const { whoIsThis } = await import("../host/identity.ts");
    const { askEngines } = await import("../host/containers/engines.ts");
    const options = { ...whoIsThis(args.stateDir), now: Date.now, engines: await askEngines() };
    const document = whyOf(pid, options, await narrowing(config));
    emit(args.format === "json" ? `${JSON.stringify(document, null, 2)}\n` : renderWhy(document), args);
    process.exitCode = EXIT.ok;
  },
};

function pidOf(text: string): number {
  if (!/^[1-9][0-9]{0,9}$/.test(text))
    throw usageError("why", `${text} is no process number`, "give one, as ps -e lists them");
  return Number(text);
}

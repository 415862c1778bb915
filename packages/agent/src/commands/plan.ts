import { EXIT } from "@afterpatch/core/exit";
import type { Argv, CommandModule } from "yargs";
import type { GlobalOptions } from "../command-line.ts";
import { configFor, holdsOff, sayIfHeldOff } from "../config/look.ts";
import { underConfig } from "../config/narrow.ts";
import { checkTarget, emit } from "../output.ts";
import { type RebootArguments, rebootChoice, withReboot } from "./reboot-options.ts";
import { exitCodeOf } from "./scan.ts";

export interface PlanArguments extends GlobalOptions, RebootArguments {
  readonly format: "table" | "json";
  readonly out: string | undefined;
  readonly exitCode: boolean;
}

export const plan: CommandModule<object, PlanArguments> = {
  command: "plan",
  describe: "What would be done on this host, in order, and why nothing smaller",
  builder: (parser) =>
    withReboot(parser as Argv) // has no options of its own yet
      .option("format", {
        alias: "o",
        choices: ["table", "json"] as const,
        default: "table" as const,
        requiresArg: true,
        describe: "How to print the result",
      })
      .option("out", { type: "string", requiresArg: true, describe: "Write the result to this file" })
      .option("exit-code", { type: "boolean", default: false, describe: "Exit 10 if anything runs old code" })
      .example([
        ["afterpatch-agent plan", "the steps that apply would take; nothing is done"],
        ["afterpatch-agent plan -o json", "for a program"],
        ["afterpatch-agent plan --reboot never", "what can be done without a reboot, and what is left over then"],
      ]) as never, // exit-code arrives as exitCode too, which yargs' types do not join
  handler: async (args) => {
    checkTarget(args);
    const choice = rebootChoice(args);
    const { scanWithEngines } = await import("../host/scan.ts");
    const { planDocument, renderPlan } = await import("../render/plan.ts");
    const { atTop } = await import("../render/words.ts");
    const { whoIsThis } = await import("../host/identity.ts");
    const config = await configFor(args);
    if (args.format === "json") sayIfHeldOff(config);
    const result = await underConfig(await scanWithEngines({ ...whoIsThis(args.stateDir), now: Date.now }), config);
    const document = planDocument(result, choice);
    emit(
      args.format === "json"
        ? `${JSON.stringify(document, null, 2)}\n`
        : atTop(holdsOff(config), renderPlan(document, result, choice)),
      args,
    );
    process.exitCode = args.exitCode ? exitCodeOf(result) : EXIT.ok;
  },
};

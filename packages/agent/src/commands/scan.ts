import { EXIT, type ExitCode } from "@afterpatch/core/exit";
import type { Scan } from "@afterpatch/core/scan";
import type { CommandModule } from "yargs";
import type { GlobalOptions } from "../command-line.ts";
import { checkTarget, emit } from "../output.ts";

export interface ScanArguments extends GlobalOptions {
  readonly format: "table" | "json";
  readonly out: string | undefined;
  readonly exitCode: boolean;
  readonly all: boolean;
}

export const scan: CommandModule<object, ScanArguments> = {
  command: "scan",
  describe: "What runs old code on this host",
  builder: (parser) =>
    parser
      .option("format", {
        alias: "o",
        choices: ["table", "json"] as const,
        default: "table" as const,
        requiresArg: true,
        describe: "How to print the result",
      })
      .option("out", { type: "string", requiresArg: true, describe: "Write the result to this file" })
      .option("exit-code", { type: "boolean", default: false, describe: "Exit 10 if anything runs old code" })
      .option("all", {
        type: "boolean",
        default: false,
        describe: "List files that were replaced by the same content, too",
      })
      .example([
        ["afterpatch-agent scan", "what runs old code, and what would replace it"],
        ["afterpatch-agent scan --format json --out scan.json", "for a program (docs/scan.schema.json)"],
        ["afterpatch-agent scan --exit-code", "for a pipeline: 10 if anything runs old code"],
      ]) as never, // exit-code arrives as exitCode too, which yargs' types do not join
  handler: async (args) => {
    checkTarget(args);
    const { scanHost } = await import("../host/scan.ts");
    const { renderScan } = await import("../render/scan.ts");
    const { whoIsThis } = await import("../host/identity.ts");
    const result = scanHost({ ...whoIsThis(args.stateDir), now: Date.now, all: args.all });
    emit(args.format === "json" ? `${JSON.stringify(result, null, 2)}\n` : renderScan(result, isRoot()), args);
    process.exitCode = args.exitCode ? exitCodeOf(result) : EXIT.ok;
  },
};

/** 10 when anything is known to run old code. */
export function exitCodeOf({ findings }: Scan): ExitCode {
  const isPending = findings.some(({ verdict }) => verdict !== "unknown" && verdict !== "identical");
  return isPending ? EXIT.pending : EXIT.ok;
}

function isRoot(): boolean {
  return process.geteuid?.() === 0;
}

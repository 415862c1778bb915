import { asCommandError } from "@afterpatch/core/command-error";
import { EXIT, type ExitCode } from "@afterpatch/core/exit";
import type { Scan } from "@afterpatch/core/scan";
import { visible } from "@afterpatch/core/text";
import type { CommandModule } from "yargs";
import type { GlobalOptions } from "../command-line.ts";
import type { Config } from "../config/config.ts";
import { configFor, holdsOff } from "../config/look.ts";
import { underConfig } from "../config/narrow.ts";
import { cveOf } from "./cve.ts";
import { checkTarget, emit } from "../output.ts";
import { errorLine } from "../usage.ts";
import { version } from "../version.ts";

export const FORMATS = ["table", "json", "nagios", "openmetrics", "needrestart"] as const;

export interface ScanArguments extends GlobalOptions {
  readonly format: (typeof FORMATS)[number];
  readonly out: string | undefined;
  readonly exitCode: boolean;
  readonly all: boolean;
  readonly cve: string | undefined;
}

export const scan: CommandModule<object, ScanArguments> = {
  command: "scan",
  describe: "What runs old code on this host",
  builder: (parser) =>
    parser
      .option("format", {
        alias: "o",
        choices: FORMATS,
        default: "table" as const,
        requiresArg: true,
        describe: "How to print the result",
      })
      .option("out", { type: "string", requiresArg: true, describe: "Write the result to this file" })
      .option("exit-code", {
        type: "boolean",
        default: false,
        describe: "Exit 10 if anything runs old code; nagios has codes of its own",
      })
      .option("all", {
        type: "boolean",
        default: false,
        describe: "List files that were replaced by the same content, too",
      })
      .option("cve", {
        type: "string",
        requiresArg: true,
        describe: "Only what this CVE was fixed in since, by the changelogs of its packages",
      })
      .example([
        ["afterpatch-agent scan", "what runs old code, and what would replace it"],
        ["afterpatch-agent scan -o json", "for a program (docs/scan.schema.json)"],
        ["afterpatch-agent scan --exit-code", "for a pipeline: 10 if anything runs old code"],
        ["afterpatch-agent scan --cve CVE-2026-28387", "what runs without that fix"],
        ["afterpatch-agent scan --format nagios", "a plugin: 0 ok, 1 warning, 2 critical, 3 unknown"],
        ["afterpatch-agent scan -o openmetrics", "for Prometheus; with --out FILE.prom for node_exporter"],
        ["afterpatch-agent scan -o needrestart", "the lines of 'needrestart -b', for what reads those"],
      ]) as never, // exit-code arrives as exitCode too, which yargs' types do not join
  handler: runScan,
};

export async function runScan(args: ScanArguments): Promise<void> {
  if (args.format === "nagios") return nagios(args);
  checkTarget(args);
  const config = await configFor(args);
  const result = await scanned(args, config);
  const text = await rendered(result, { format: args.format, cve: args.cve }, holdsOff(config));
  // node_exporter reads it as a user of its own.
  emit(text, args, args.format === "openmetrics" ? 0o644 : undefined);
  process.exitCode = args.exitCode ? exitCodeOf(result) : EXIT.ok;
}

async function scanned({ stateDir, all, cve }: ScanArguments, config: Config): Promise<Scan> {
  const id = cve === undefined ? null : cveOf(cve);
  const { scanWithEngines } = await import("../host/scan.ts");
  const { whoIsThis } = await import("../host/identity.ts");
  const scan = await underConfig(await scanWithEngines({ ...whoIsThis(stateDir), now: Date.now, all }), config);
  return id === null ? scan : (await import("../look/cve.ts")).scanOfCve(scan, id);
}

/** `heldOff`: why nothing would be done here. */
async function rendered(
  result: Scan,
  { format, cve }: Pick<ScanArguments, "cve"> & { readonly format: Exclude<ScanArguments["format"], "nagios"> },
  heldOff: string | null,
): Promise<string> {
  switch (format) {
    case "table":
      return (await import("../render/scan.ts")).renderScan(
        result,
        isRoot(),
        heldOff,
        cve === undefined ? null : cveOf(cve),
      );
    case "json":
      return `${JSON.stringify(result, null, 2)}\n`;
    case "openmetrics":
      return (await import("../render/openmetrics.ts")).openMetrics(result, version);
    case "needrestart":
      return (await import("../render/needrestart.ts")).needrestartBatch(result, version);
  }
}

/** Whoever runs a plugin reads 1 as a warning and 2 as critical: a scan that failed is 3, and says so on both streams. */
async function nagios(args: ScanArguments): Promise<void> {
  const { NAGIOS, nagiosFailure, nagiosReport } = await import("../render/nagios.ts");
  try {
    checkTarget(args);
    const { text, code } = nagiosReport(await scanned(args, await configFor(args)));
    emit(text, args);
    process.exitCode = code;
  } catch (thrown) {
    const error = asCommandError(thrown);
    process.stdout.write(nagiosFailure(visible(`${error.what}: ${error.why}`)).text);
    process.stderr.write(errorLine(error));
    process.exitCode = NAGIOS.unknown;
  }
}

/** 10 when anything is known to run old code. */
export function exitCodeOf({ findings }: Scan): ExitCode {
  const isPending = findings.some(({ verdict }) => verdict !== "unknown" && verdict !== "identical");
  return isPending ? EXIT.pending : EXIT.ok;
}

function isRoot(): boolean {
  return process.geteuid?.() === 0;
}

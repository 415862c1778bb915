import { usageError } from "@afterpatch/core/command-error";
import { EXIT } from "@afterpatch/core/exit";
import { policySummary } from "@afterpatch/core/policy/summary";
import { visible } from "@afterpatch/core/text";
import type { CommandModule } from "yargs";
import type { GlobalOptions } from "../command-line.ts";
import { type Config, DEFAULT_CONFIG, readConfigOnce } from "../config/config.ts";
import { mistakeLine } from "@afterpatch/config/mistake";
import { ConfigError } from "../config/error.ts";
import { readStandardInput, STDIN } from "../config/read.ts";
import { checkTarget, emit } from "../output.ts";
import { PROGRAM } from "../usage.ts";

interface CheckArguments extends GlobalOptions {
  readonly file: string | undefined;
  readonly stdin: boolean;
  readonly format: "table" | "json";
  readonly out: string | undefined;
}

/** The document `afterpatch.config/v1`. */
interface CheckDocument {
  readonly schema: "afterpatch.config/v1";
  /** `standard input` for that; null where there is no file and the defaults hold. */
  readonly file: string | null;
  readonly valid: boolean;
  readonly mistakes: ConfigError["mistakes"];
  /** One line: what it forbids. Null where it is not valid. */
  readonly summary: string | null;
}

/** `afterpatch-agent config check`. */
export const config: CommandModule<object, CheckArguments> = {
  command: "config <action> [file]",
  describe: "Check the agent's file: what is wrong with it, or what it forbids",
  builder: (parser) =>
    parser
      .positional("action", { choices: ["check"] as const, demandOption: true, describe: "What to do with it" })
      .positional("file", { type: "string", describe: "Another file than the one in force" })
      .option("stdin", { type: "boolean", default: false, describe: "Check standard input: a draft, whoever owns it" })
      .option("format", {
        alias: "o",
        choices: ["table", "json"] as const,
        default: "table" as const,
        requiresArg: true,
        describe: "How to print the result",
      })
      .option("out", { type: "string", requiresArg: true, describe: "Write the result to this file" })
      .example([
        ["afterpatch-agent config check", `check ${DEFAULT_CONFIG}, or the file of --config`],
        ["afterpatch-agent config check --stdin", "check a draft before it is put in place"],
        ["afterpatch-agent config check -o json", "for a program"],
      ]) as never, // yargs' types do not know that a positional with choices is one of them
  handler: async (args) => {
    checkTarget(args);
    if (args.file !== undefined && args.config !== undefined) {
      throw usageError("config check", "two files are named, FILE and --config", "name one");
    }
    if (args.stdin && (args.file ?? args.config) !== undefined) {
      throw usageError("config check", "a file is named, and --stdin reads none", "give one or the other");
    }
    const source = args.file ?? args.config;
    const read = args.stdin ? await standardInput() : await readConfigOnce({ config: source });
    if (args.format === "json") emit(`${JSON.stringify(documentOf(read), null, 2)}\n`, args);
    else if (read.kind === "policy") emit(`${goodLine(read, source)}\n`, args);
    process.exitCode = read.kind === "policy" ? EXIT.ok : EXIT.usage;
    if (read.kind === "policy") return;
    for (const mistake of read.error.mistakes) {
      process.stderr.write(`${PROGRAM}: ${mistakeLine(read.error.file, mistake)}\n`);
    }
  },
};

async function standardInput(): Promise<Config> {
  try {
    const { parseConfig } = await import("../config/parse.ts");
    return { kind: "policy", policy: parseConfig(readStandardInput(), STDIN), file: STDIN };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { kind: "invalid", error };
  }
}

function documentOf(read: Config): CheckDocument {
  const schema = "afterpatch.config/v1";
  if (read.kind === "policy") {
    return { schema, file: read.file, valid: true, mistakes: [], summary: visible(policySummary(read.policy)) };
  }
  const mistakes = read.error.mistakes.map(({ line, key, what }) => ({ line, key: visible(key), what: visible(what) }));
  return { schema, file: read.error.file, valid: false, mistakes, summary: null };
}

function goodLine({ policy, file }: Extract<Config, { kind: "policy" }>, source: string | undefined): string {
  const name = file ?? `${source ?? DEFAULT_CONFIG} is not there, so the defaults hold`;
  return visible(`${name}: ${policySummary(policy)}`);
}

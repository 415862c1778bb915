import { EXIT } from "@afterpatch/core/exit";
import { formatDuration } from "@afterpatch/core/duration";
import { visible } from "@afterpatch/core/text";
import { mistakeLine } from "@afterpatch/config/mistake";
import type { CommandModule } from "yargs";
import type { FleetWebhook } from "../config/config.ts";
import { checkSecrets, DEFAULT_FILE, readControllerFile } from "../config/read.ts";

interface CheckArguments {
  readonly config: string | undefined;
}

/** `check-config`: every mistake in the controller's file, with its line and key. */
export const checkConfigCommand: CommandModule<object, CheckArguments> = {
  command: "check-config",
  describe: "Check the controller's file: what is wrong with it, or what holds by it",
  builder: (yargs) =>
    yargs
      .option("config", {
        type: "string",
        requiresArg: true,
        describe: `Another file than ${DEFAULT_FILE}`,
      })
      .example("$0 check-config", "")
      .epilogue("Exit codes: 0 it holds, 1 internal error, 5 a mistake in it."),
  handler: async ({ config }) => {
    const read = await readControllerFile(config);
    if (read.kind === "invalid") {
      for (const mistake of read.mistakes)
        process.stderr.write(`afterpatch-controller: ${mistakeLine(read.file, mistake)}\n`);
      process.exitCode = EXIT.usage;
      return;
    }
    await checkSecrets(read.from);
    const { reportIntervalMs, lostAfterMs, webhooks } = read.from.config;
    const name = read.kind === "file" ? read.file : `${read.file} is not there, so the defaults hold`;
    const holds = `agents report every ${formatDuration(reportIntervalMs)}, lost after ${formatDuration(lostAfterMs)}`;
    process.stdout.write(`${visible(name)}: ${holds}${told(webhooks)}\n`);
  },
};

function told(webhooks: readonly FleetWebhook[]): string {
  const signed = webhooks.filter(({ secretFiles }) => secretFiles.length > 0).length;
  return webhooks.length === 0 ? "" : `, webhooks: ${webhooks.length}, of which ${signed} signed`;
}

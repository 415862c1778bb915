import { CommandError, usageError } from "@afterpatch/core/command-error";
import { EXIT } from "@afterpatch/core/exit";
import type { GlobalOptions } from "../command-line.ts";
import { errorLine } from "../usage.ts";
import { type Config, readConfigOnce } from "./config.ts";
import { invalidNote } from "./narrow.ts";

/** The agent's file for a command that looks and does nothing. A file that was named has to be there. */
export async function configFor({ config }: Pick<GlobalOptions, "config">): Promise<Config> {
  const read = await readConfigOnce({ config });
  if (read.kind === "invalid" && read.error.code === "missing") throw missing(read);
  return read;
}

export function missing({ error }: Extract<Config, { kind: "invalid" }>): CommandError {
  return usageError("--config", error.message, "name the file that holds, or leave the option out");
}

/** Says on standard error that the file is invalid, where what is printed has no place for it. */
export async function sayIfInvalid(args: Pick<GlobalOptions, "config">): Promise<void> {
  const config = await configFor(args);
  if (config.kind === "policy") return;
  const [why = "", todo = ""] = invalidNote(config).split("; see ");
  process.stderr.write(errorLine(new CommandError(EXIT.usage, "config", why, `see ${todo}`)));
}

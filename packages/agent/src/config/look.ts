import { CommandError, usageError } from "@afterpatch/core/command-error";
import { EXIT } from "@afterpatch/core/exit";
import type { GlobalOptions } from "../command-line.ts";
import { errorLine } from "../usage.ts";
import { denied } from "../vetoes/deny.ts";
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

/** Why nothing would be done on this host at all, and what to do about it, as one line; null where nothing holds it off. */
export function holdsOff(config: Config): string | null {
  if (config.kind === "invalid") return invalidNote(config);
  const why = denied(config.policy.denyFile);
  return why === null ? null : `nothing is done on this host: ${why}; ${DENY_TODO}`;
}

const DENY_TODO = "remove the file when that is over";

/** The same on standard error, where what is printed is for a program. */
export function sayIfHeldOff(config: Config): void {
  const why = config.kind === "invalid" ? null : denied(config.policy.denyFile);
  if (config.kind === "invalid") sayInvalid(config);
  if (why !== null) process.stderr.write(errorLine(new CommandError(EXIT.usage, "deny file", why, DENY_TODO)));
}

/** Says on standard error that the file is invalid, where what is printed has no place for it. */
export async function sayIfInvalid(args: Pick<GlobalOptions, "config">): Promise<void> {
  const config = await configFor(args);
  if (config.kind === "invalid") sayInvalid(config);
}

function sayInvalid(config: Extract<Config, { kind: "invalid" }>): void {
  const [why = "", todo = ""] = invalidNote(config).split("; see ");
  process.stderr.write(errorLine(new CommandError(EXIT.usage, "config", why, `see ${todo}`)));
}

import type { CommandModule } from "yargs";
import { backupCommand, loginTokenCommand, restoreCommand } from "./backup.ts";
import { caRenewCommand } from "./ca.ts";
import { checkConfigCommand } from "./check-config.ts";
import { initCommand } from "./init.ts";
import { readyCommand } from "./ready.ts";
import { serveCommand } from "./serve.ts";

export const SUMMARY = "Enrols hosts, keeps their reports and runs rollouts.";

/** Every command, in the order in which help shows them. */
export const COMMANDS: readonly CommandModule[] = [
  any(initCommand),
  any(serveCommand),
  any(readyCommand),
  any(checkConfigCommand),
  any(backupCommand),
  any(restoreCommand),
  any(loginTokenCommand),
  any(caRenewCommand),
];

function any<T, U>(module: CommandModule<T, U>): CommandModule {
  return module as unknown as CommandModule; // its handler is given what its own builder declares, by yargs alone
}

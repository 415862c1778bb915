import type { CommandModule } from "yargs";
import { apply } from "./apply.ts";
import { config } from "./config.ts";
import { enroll } from "./enroll.ts";
import { plan } from "./plan.ts";
import { reboot } from "./reboot.ts";
import { run } from "./run.ts";
import { scan } from "./scan.ts";
import { sessions } from "./sessions.ts";
import { users } from "./users.ts";
import { why } from "./why.ts";

/** Every command, in the order in which help shows them. */
export const COMMANDS: readonly CommandModule[] = [
  any(scan),
  any(users),
  any(sessions),
  any(why),
  any(plan),
  any(apply),
  any(reboot),
  any(enroll),
  any(run),
  any(config),
];

function any<T, U>(module: CommandModule<T, U>): CommandModule {
  return module as unknown as CommandModule; // its handler is given what its own builder declares, by yargs alone
}

/** What a command ends with, as its help says it. */
export const EXITS: Readonly<Record<string, string>> = {
  scan: "0 scanned, 1 internal error, 5 usage or configuration, 10 with --exit-code: something runs old code; of --format nagios: 0 ok, 1 warning, 2 critical, 3 unknown",
  users: "0 shown, 1 internal error, 5 usage, 6 nothing of that name",
  sessions: "0 shown, 1 internal error, 5 usage, 6 no such service",
  why: "0 shown, 1 internal error, 5 usage, 6 no such process or unit",
  plan: "0 planned, 1 internal error, 5 usage or configuration, 6 nothing of that name, 10 with --exit-code: something runs old code",
  apply:
    "0 done and proved, or nothing to do; 1 internal error or corrupt journal; 2 a step or its proof failed; 3 a veto, a cap or a rule kept a step; 4 with --fail-on-residue: something is left; 5 usage or configuration; 6 nothing of that name; 8 the plan no longer fits; 9 another apply runs; 130 not confirmed, or interrupted: what was done is recorded",
  reboot:
    "0 the reboot was begun, proved or cancelled; 1 internal error; 2 it failed; 3 a veto, a cap or a rule kept it; 5 usage, or nobody is there to confirm it; 6 nothing to cancel; 9 another apply runs; 130 not confirmed, or interrupted: what was done is recorded",
  enroll:
    "0 joined, 1 internal error, 4 the controller cannot be reached, 5 usage; token refused, used or expired; wrong CA; name taken",
  run: "0 ended by a signal, 1 internal error or corrupt journal, 5 not enrolled, or a mistake in a file",
  config: "0 it holds, 1 internal error, 5 a mistake in it",
};

import { NO_REBOOT } from "@afterpatch/core/plan/reboot";
import { command } from "../command.ts";
import { begin } from "./begin.ts";
import { ROLLOUT_EXITS, startOptions } from "./start-options.ts";

export const restart = command({
  syntax: "restart <pattern>",
  summary: "Restart units of these hosts, old or not, as a rollout, and prove it",
  options: (parser) =>
    startOptions(parser)
      .option("unit", {
        type: "string",
        array: true,
        requiresArg: true,
        demandOption: true,
        describe: "Services that run: a name or glob",
      })
      .demandOption("pattern"),
  exits: ROLLOUT_EXITS,
  examples: [
    ["afterpatch restart web01 --unit nginx --reason 'new configuration'", "one unit of one host"],
    ["afterpatch restart 'role=web' --unit nginx --check", "what that would do; nothing is done"],
    ["afterpatch restart 'role=web' --unit 'php*-fpm' --serial 1,25% --reason CHG-77", "a few hosts at a time"],
  ],
  run: async ({ unit, ...args }, shell) => begin("restart", args, NO_REBOOT, shell, { restarts: unit }),
});

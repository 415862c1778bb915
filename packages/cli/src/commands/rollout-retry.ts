import { usageError } from "@afterpatch/core/command-error";
import { DEFAULT_REBOOT } from "@afterpatch/core/plan/reboot";
import { command } from "../command.ts";
import { begin } from "./begin.ts";
import { beginOptions, ROLLOUT_EXITS } from "./start-options.ts";

export const rolloutRetry = command({
  syntax: "retry <id>",
  summary: "Order a rollout that has ended again, over those of its hosts that did not end done",
  options: (parser) =>
    beginOptions(parser).positional("id", { type: "string", demandOption: true, describe: "Rollout" }),
  exits: ROLLOUT_EXITS,
  examples: [
    ["afterpatch rollout retry 20261122-190312-9f3a2c1b", "the hosts that failed, were away or never begun"],
    ["afterpatch rollout retry 20261122-190312-9f3a2c1b --reason 'disk is mended' --yes", "in a pipeline"],
  ],
  run: async (args, shell) => {
    if (args.maxFail !== undefined)
      throw usageError(
        "--max-fail",
        "is that of the rollout that is retried",
        "leave it out, or start another rollout",
      );
    return begin("rollout retry", { ...args, serial: "1" }, DEFAULT_REBOOT, shell, { retry: args.id });
  },
});

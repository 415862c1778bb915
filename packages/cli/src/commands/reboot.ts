import { command } from "../command.ts";
import { begin } from "./begin.ts";
import { orderedRebootOptions, rebootOrder } from "./reboot-options.ts";
import { ROLLOUT_EXITS, startOptions } from "./start-options.ts";

export const reboot = command({
  syntax: "reboot <pattern>",
  summary: "Reboot these hosts, each of them, as a rollout, and prove it",
  options: (parser) => orderedRebootOptions(startOptions(parser).demandOption("pattern")),
  exits: ROLLOUT_EXITS,
  examples: [
    ["afterpatch reboot web01 --reason 'new firmware'", "one host, whatever it needs"],
    ["afterpatch reboot 'role=web' --serial 1,25% --reason DSA-6001 --delay 5m", "people have five minutes"],
    ["afterpatch reboot all --reason DSA-6001 --yes -o json --max-hosts 50", "in a pipeline"],
  ],
  run: async (args, shell) => begin("reboot", args, rebootOrder({ ...args, mode: "always" }, "--"), shell),
});

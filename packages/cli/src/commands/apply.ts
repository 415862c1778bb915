import { DEFAULT_REBOOT } from "@afterpatch/core/plan/reboot";
import { command } from "../command.ts";
import { refuseTwice, understood } from "../rollout-file.ts";
import { keptText, readSavedPlan } from "../saved-plan.ts";
import { begin } from "./begin.ts";
import { beginOptions, ROLLOUT_EXITS } from "./start-options.ts";

export const apply = command({
  syntax: "apply <plan>",
  summary: "Carry out a plan that 'afterpatch plan -o json --out FILE' wrote, if it still fits the fleet",
  options: (parser) =>
    beginOptions(parser).positional("plan", {
      type: "string",
      demandOption: true,
      describe: "The file, - for standard input",
    }),
  exits: ROLLOUT_EXITS,
  examples: [
    ["afterpatch plan 'role=web' -o json --out plan.json", "first, for a review"],
    ["afterpatch apply plan.json --reason DSA-6001", "then: less than planned is fine, more is refused"],
    ["afterpatch apply plan.json --reason DSA-6001 --yes --detach", "in a pipeline"],
  ],
  run: async (args, shell) => {
    const saved = await readSavedPlan(args.plan);
    shell.err(`afterpatch: ${keptText(saved)}\n`);
    const { pattern, serial, rolloutFile, reboot, filter } = saved.order;
    const input = rolloutFile === "" ? null : understood(`${args.plan} (its rollout file)`, rolloutFile, shell.err);
    const { only, kinds: kind, packages, libraries, units, cves: cve } = filter;
    const ordered = { pattern, serial, only, kind, package: packages, library: libraries, unit: units, cve };
    const given = { ...args, ...ordered };
    refuseTwice(given, DEFAULT_REBOOT, input);
    // What a file says of reboots is not said a second time.
    return begin("apply", given, input === null ? reboot : DEFAULT_REBOOT, shell, { input, saved });
  },
});

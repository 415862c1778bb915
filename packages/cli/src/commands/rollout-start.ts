import { command } from "../command.ts";
import { begin } from "./begin.ts";
import { filterOptions } from "./filter-options.ts";
import { rebootOf, rebootOptions } from "./reboot-options.ts";
import { hostsOrFile } from "../rollout-file.ts";
import { shapedBy, shapeOptions } from "./shape-options.ts";
import { ROLLOUT_EXITS, startOptions } from "./start-options.ts";

export const rolloutStart = command({
  syntax: "start [pattern]",
  summary: "Carry out the plan for these hosts, and prove it",
  options: (parser) =>
    hostsOrFile(shapeOptions(filterOptions(rebootOptions(startOptions(parser))))).describe(
      "max-fail",
      'So many hosts may fail, or 5% of those that ended; the next failure stops it [default: "0", or what the file says]',
    ),
  exits: ROLLOUT_EXITS,
  examples: [
    [
      "afterpatch rollout start 'role=web' --serial 1,25% --reason DSA-6001",
      "one web server, then a quarter at a time",
    ],
    ["afterpatch rollout start all --reason DSA-6001 --yes -o json --max-hosts 50", "in a pipeline"],
    [
      "afterpatch rollout start all --reason DSA-6001 --yes --wait --wait-timeout 2h --junit afterpatch.xml",
      "in a pipeline that shows JUnit XML, at most two hours",
    ],
    ["afterpatch rollout start all --library libssl.so.3 --reason DSA-6001", "users of one library, nothing else"],
    ["afterpatch rollout start all --reason DSA-6001 --queue --detach --yes", "after whatever holds these hosts now"],
    [
      "afterpatch rollout start all --reason DSA-6001 --by zone --bake 30m --window 'sat,sun 22:00 4h Europe/Paris'",
      "one host, watched for half an hour, then zone by zone, at weekends",
    ],
    ["afterpatch rollout start 'role=web' --serial 1,25% --list-hosts", "who would be in it, in which order"],
    ["afterpatch rollout start 'web:!canary' -i production/ --reason DSA-6001", "a group of an Ansible inventory"],
    ["afterpatch rollout start -f openssl.yaml", "waves, budgets and windows of a file"],
    ["afterpatch rollout start web01 --reason test --yes --detach", "print the id and return"],
    ["afterpatch rollout start all --reason DSA-6001 --reboot never --yes", "what needs a reboot stays as it is"],
  ],
  run: async (args, shell) => {
    const { input, reboot, serial, maxFail } = await shapedBy(args, rebootOf(args), shell.err);
    return begin("rollout start", { ...args, serial, maxFail }, reboot, shell, { input });
  },
});

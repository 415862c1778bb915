import type { Argv } from "yargs";
import { dryRunOptions } from "./dry-run.ts";
import { scopeOptions } from "./scope-options.ts";
import { waitOptions } from "./wait-options.ts";

/** Of all that carry out a rollout and follow it to its end. */
export const ROLLOUT_EXITS =
  "0 verified or nothing to do, 2 a host failed, 3 halted or aborted, 4 hosts not reached or not covered, or controller unreachable " +
  "(with --fail-on-residue also: something is left), 5 usage, file or credentials, 6 no such host, 7 with --no-wait: waits for a " +
  "person or a window, with --wait-timeout: has not ended by then, 8 the plan no longer fits, 9 hosts held by another rollout, 130 detached";

export function startOptions(parser: Argv) {
  return scopeOptions(beginOptions(parser))
    .positional("pattern", { type: "string", describe: "Hosts" })
    .option("serial", {
      type: "string",
      default: "1",
      requiresArg: true,
      describe: "Hosts at once: batch sizes or percentages, the last one repeats",
    })
    .option("plan-digest", { type: "string", requiresArg: true, describe: "Start only if the plan is still this one" });
}

/** Of all that begin a rollout, whatever says what is in it. */
export function beginOptions(parser: Argv) {
  return waitOptions(dryRunOptions(parser))
    .option("max-fail", {
      type: "string",
      requiresArg: true,
      describe: 'So many hosts may fail; the next failure stops the rollout [default: "0", or what the file says]',
    })
    .option("reason", { type: "string", requiresArg: true, describe: "Why, for the history" })
    .option("name", { type: "string", requiresArg: true, describe: "A name for people" })
    .option("yes", { type: "boolean", alias: "y", default: false, describe: "Do not ask" })
    .option("detach", { type: "boolean", default: false, describe: "Print the rollout's id and return" })
    .option("queue", {
      type: "boolean",
      default: false,
      describe: "Where another rollout holds hosts, wait for it to end, then begin",
    })
    .option("max-hosts", { type: "string", requiresArg: true, describe: "Refuse when more hosts are selected" })
    .option("allow-new", { type: "boolean", default: false, describe: "Also do what was not planned yet" })
    .option("fail-on-residue", {
      type: "boolean",
      default: false,
      describe: "Exit 4 if something is left that nothing automatic may clear",
    });
}

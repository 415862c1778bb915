import { EXIT } from "@afterpatch/core/exit";
import type { Argv } from "yargs";
import { command } from "../command.ts";
import type { Control, Rollout } from "../connection.ts";
import { rolloutDocument } from "../documents/rollout.ts";
import { checkTarget, emit } from "../output.ts";
import { renderRollout } from "../render/rollout.ts";
import type { Shell, Target } from "../shell.ts";

const ORDER_EXITS =
  "0 done, 4 controller unreachable, 5 usage, credentials, or not possible in its state, 6 no such rollout";

const id = (parser: Argv) => parser.positional("id", { type: "string", demandOption: true, describe: "Rollout" });
const withReason = (parser: Argv) =>
  id(parser).option("reason", { type: "string", requiresArg: true, describe: "Why, for the history" });

export const rolloutAbort = command({
  syntax: "abort <id>",
  summary: "Begin no further host; hosts at work finish",
  options: withReason,
  exits: ORDER_EXITS,
  examples: [["afterpatch rollout abort 20261122-190312-9f3a2c1b --reason 'wrong hosts'", "stop it"]],
  run: (args, shell) => order(args, shell, (control) => control.abortRollout(args.id, args.reason ?? "")),
});

export const rolloutPause = command({
  syntax: "pause <id>",
  summary: "Begin no further host until it is resumed; hosts at work finish",
  options: withReason,
  exits: ORDER_EXITS,
  examples: [["afterpatch rollout pause 20261122-190312-9f3a2c1b --reason 'the database team is busy'", "hold it"]],
  run: (args, shell) => order(args, shell, (control) => control.pauseRollout(args.id, args.reason ?? "")),
});

export const rolloutResume = command({
  syntax: "resume <id>",
  summary: "Let a rollout that was paused go on",
  options: id,
  exits: ORDER_EXITS,
  examples: [["afterpatch rollout resume 20261122-190312-9f3a2c1b", "go on"]],
  run: (args, shell) => order(args, shell, (control) => control.resumeRollout(args.id)),
});

export const rolloutApprove = command({
  syntax: "approve <id>",
  summary: "Let the waves begin that wait for an approval",
  options: (parser) =>
    id(parser).option("wave", {
      type: "string",
      requiresArg: true,
      describe: "Of this wave, also before it has ended its watch; the one that is waited for if not given",
    }),
  exits: ORDER_EXITS,
  examples: [["afterpatch rollout approve 20261122-190312-9f3a2c1b", "the canary is well"]],
  run: (args, shell) => order(args, shell, (control) => control.approveRollout(args.id, args.wave ?? "")),
});

async function order(target: Target, shell: Shell, give: (control: Control) => Promise<Rollout>) {
  await checkTarget(target);
  const { connect } = await import("../connection.ts");
  const document = rolloutDocument(await give(await connect(shell)));
  await emit({ document, table: (paint, isWide) => renderRollout(document, paint, isWide) }, target, shell);
  return EXIT.ok;
}

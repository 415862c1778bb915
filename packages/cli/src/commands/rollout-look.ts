import { EXIT, type ExitCode, isFinal, rolloutExitCode } from "@afterpatch/core/exit";
import type { Argv } from "yargs";
import { wholeNumberOf } from "@afterpatch/core/command-line";
import { attach } from "../attach.ts";
import { command } from "../command.ts";
import { patienceOf, type Patience, shellFor, waitOptions } from "./wait-options.ts";
import type { Control, Rollout } from "../connection.ts";
import { rolloutDocument } from "../documents/rollout.ts";
import { CommandError } from "@afterpatch/core/command-error";
import { JUNIT, type Keep, reportOf, withJunit } from "../junit.ts";
import { checkTarget, emit } from "../output.ts";
import type { Shell, Target } from "../shell.ts";
import { renderRollout, renderRollouts } from "../render/rollout.ts";

const which = (parser: Argv) =>
  parser.positional("id", { type: "string", describe: "Rollout; the newest if not given" }).option("fail-on-residue", {
    type: "boolean",
    default: false,
    describe: "Exit 4 if something is left that nothing automatic may clear",
  });

export const rolloutStatus = command({
  syntax: "status [id]",
  summary: "One rollout, host by host",
  options: (parser) =>
    which(parser)
      .option("exit-code", {
        type: "boolean",
        default: false,
        describe: "Exit 10 while it runs, 7 while it waits",
      })
      .option("junit", JUNIT)
      .option("watch", { alias: "w", type: "boolean", default: false, describe: "Follow it, as 'rollout watch'" }),
  exits:
    "0 verified, or not ended yet; 2 a host failed, 3 halted or aborted, 4 hosts were not reached (with --fail-on-residue: something is left), or controller unreachable; 5 usage or credentials, 6 no such rollout, 7 with --exit-code: it waits, 10 with --exit-code: it runs",
  examples: [
    ["afterpatch rollout status", "the newest"],
    ["afterpatch rollout status -o json", "for a program"],
  ],
  run: async (args, shell) => {
    await checkTarget(args);
    return withJunit("rollout status", args.junit, async (keep) => {
      const { connect } = await import("../connection.ts");
      const control = await connect(shell);
      if (args.watch) return watched(control, args, shell, { noWait: false, waitMs: null, keep });
      const asked = args.id === undefined ? await newest(control) : await control.getRollout(args.id);
      const document = rolloutDocument(asked);
      await keep(() => reportOf(control, asked.id));
      await emit({ document, table: (paint, isWide) => renderRollout(document, paint, isWide) }, args, shell);
      const code = rolloutExitCode({ ...document, failOnResidue: args.failOnResidue });
      return isFinal(document.state) || args.exitCode ? code : EXIT.ok;
    });
  },
});

export const rolloutWatch = command({
  syntax: "watch [id]",
  summary: "Follow a rollout until it ends; Ctrl-C leaves it running",
  options: (parser) => waitOptions(which(parser)),
  exits:
    "0 verified, 2 a host failed, 3 halted or aborted, 4 hosts were not reached (with --fail-on-residue: something is left), or controller unreachable; 5 usage or credentials, 6 no such rollout, 7 with --no-wait: it waits, with --wait-timeout: it has not ended by then; 130 detached",
  examples: [
    ["afterpatch rollout watch", "the newest"],
    ["afterpatch rollout watch --no-wait", "until it has ended, or waits for a person or a window"],
    ["afterpatch rollout watch --wait --wait-timeout 2h --junit afterpatch.xml", "in a pipeline, after --detach"],
  ],
  run: async (args, shell): Promise<ExitCode> => {
    const patience = patienceOf(args);
    await checkTarget(args);
    return withJunit("rollout watch", args.junit, async (keep) => {
      const { connect } = await import("../connection.ts");
      return watched(await connect(shell), args, shellFor(args, shell), { ...patience, keep });
    });
  },
});

interface Watched extends Target {
  readonly id?: string | undefined;
  readonly failOnResidue: boolean;
}

async function watched(
  control: Control,
  args: Watched,
  shell: Shell,
  { keep, ...patience }: Patience & { readonly keep: Keep },
): Promise<ExitCode> {
  const id = args.id ?? (await newest(control)).id;
  const code = await attach(control, id, shell, { ...args, ...patience, isKnown: args.id === undefined });
  await keep(() => reportOf(control, id));
  return code;
}

export const rolloutList = command({
  syntax: "list",
  summary: "Rollouts, newest first",
  options: (parser) =>
    parser.option("limit", { type: "string", default: "20", requiresArg: true, describe: "At most so many" }),
  exits: "0 shown, 4 controller unreachable, 5 usage or credentials",
  examples: [["afterpatch rollout list --limit 5", "the last five"]],
  run: async (args, shell) => {
    const limit = wholeNumberOf("--limit", args.limit, 1, 1_000);
    await checkTarget(args);
    const { connect } = await import("../connection.ts");
    const control = await connect(shell);
    const rollouts = (await control.listRollouts(limit)).map(rolloutDocument);
    const document = { schema: "afterpatch.rollouts/v1", rollouts };
    await emit(
      { document, lines: rollouts, table: (paint, isWide) => renderRollouts(rollouts, shell.now(), paint, isWide) },
      args,
      shell,
    );
    return EXIT.ok;
  },
});

async function newest(control: Control): Promise<Rollout> {
  const [rollout] = await control.listRollouts(1);
  if (rollout) return rollout;
  throw new CommandError(EXIT.selection, "rollout", "there is none yet", "start one with 'afterpatch rollout start'");
}

import { randomUUID } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import { EXIT, rolloutExitCode } from "@afterpatch/core/exit";
import { serialOf } from "../arguments.ts";
import { wholeNumberOf } from "@afterpatch/core/command-line";
import { attach } from "../attach.ts";
import { command } from "../command.ts";
import type { Control, Rollout, StartRolloutRequest } from "../connection.ts";
import { tellComingBack } from "../documents/coming-back.ts";
import { type PlanDocument, planDocument } from "../documents/plan.ts";
import { nothingToDo, type RolloutDocument, rolloutDocument } from "../documents/rollout.ts";
import { CommandError, usageError } from "@afterpatch/core/command-error";
import { checkTarget, emit, isForPrograms } from "../output.ts";
import { renderPlan } from "../render/plan.ts";
import { counted } from "../render/table.ts";
import type { Shell, Target } from "../shell.ts";
import { startOptions } from "./start-options.ts";

const RETRY_MS = 60_000;

export const rolloutStart = command({
  syntax: "start <pattern>",
  summary: "Carry out the plan for these hosts, and prove it",
  options: startOptions,
  examples: [
    [
      "afterpatch rollout start 'role=web' --serial 1,25% --reason DSA-6001",
      "one web server, then a quarter at a time",
    ],
    ["afterpatch rollout start all --reason DSA-6001 --yes -o json --max-hosts 50", "in a pipeline"],
    ["afterpatch rollout start web01 --reason test --yes --detach", "print the id and return"],
  ],
  run: async (args, shell) => {
    const request = requestOf(args);
    await checkTarget(args);
    if (!args.yes && shell.ask === null) {
      throw usageError(
        "rollout start",
        "nobody is at a terminal to confirm the plan",
        "look at 'afterpatch plan' and add --yes",
      );
    }
    const { connect } = await import("../connection.ts");
    const control = await connect(shell);
    const plan = planDocument(await control.planFleet(request.pattern, request.serial));
    tellComingBack(plan.comingBack, shell);
    checkCeiling(plan, request.maxHosts);
    if (plan.totals.steps === 0)
      return reportNothing(nothingToDo(plan, request.name, request.reason), plan, args, shell);
    await confirm(plan, args, shell);
    // The controller judges whether what it plans now fits the plan with this digest: a target that vanished does.
    const expectedDigest = args.allowNew ? "" : (args.planDigest ?? plan.digest);
    const rollout = await start(control, { ...request, expectedDigest }, shell);
    if (!args.detach) return attach(control, rollout.id, shell, { ...args, isKnown: true });
    const document = rolloutDocument(rollout);
    await emit({ document, table: () => `${document.id}\n` }, args, shell);
    return EXIT.ok;
  },
});

type Args = Awaited<ReturnType<ReturnType<typeof startOptions>["parse"]>> & Target;

function requestOf(args: Args): StartRolloutRequest {
  if (args.reason.trim() === "") throw usageError("--reason", "is empty", "say why, for those who read the history");
  return {
    pattern: args.pattern,
    serial: serialOf(args.serial),
    maxFail: wholeNumberOf("--max-fail", args.maxFail, 0, 1_000_000),
    reason: args.reason,
    name: args.name ?? "",
    maxHosts: args.maxHosts === undefined ? 0 : wholeNumberOf("--max-hosts", args.maxHosts, 1, 1_000_000),
    expectedDigest: "",
    allowNew: args.allowNew,
    requestId: randomUUID(),
  };
}

function checkCeiling(plan: PlanDocument, maxHosts: number): void {
  if (maxHosts === 0 || plan.totals.hosts <= maxHosts) return;
  const why = `${counted(plan.totals.hosts, "host")} selected, more than --max-hosts ${maxHosts}`;
  throw usageError("rollout start", why, "select fewer hosts or raise --max-hosts");
}

async function reportNothing(document: RolloutDocument, plan: PlanDocument, args: Args, shell: Shell) {
  await emit({ document, table: (paint, isWide) => renderPlan(plan, paint, isWide) }, args, shell);
  return rolloutExitCode({ ...document, failOnResidue: args.failOnResidue });
}

/** Shows the plan, and asks where somebody can answer. */
async function confirm(plan: PlanDocument, args: Args, shell: Shell): Promise<void> {
  const write = isForPrograms(args) || args.detach ? shell.err : shell.out;
  if (!args.yes || !isForPrograms(args)) write(`${renderPlan(plan, shell.paint, args.format === "wide")}\n`);
  if (args.yes || shell.ask === null) return;
  const answer = await shell.ask(`Start this rollout on ${counted(plan.totals.withWork, "host")}? [y/N] `);
  if (!/^y(es)?$/i.test(answer.trim()))
    throw usageError("rollout start", "not confirmed, nothing was done", "answer y, or add --yes");
}

/** Asks again while the connection breaks: the request's id makes it one rollout, however often it arrives. */
async function start(control: Control, request: StartRolloutRequest, shell: Shell): Promise<Rollout> {
  const interrupted = Promise.withResolvers<never>();
  const undo = shell.onInterrupt(() => {
    const why = "interrupted; the rollout may have been started";
    interrupted.reject(new CommandError(EXIT.detached, "rollout start", why, "see 'afterpatch rollout list'"));
  });
  try {
    const giveUpAt = shell.now() + RETRY_MS;
    for (let waitMs = 200; ; waitMs = Math.min(waitMs * 2, 5_000)) {
      try {
        return await Promise.race([control.startRollout(request), interrupted.promise]);
      } catch (error) {
        if (!control.isPassing(error) || shell.now() >= giveUpAt) throw error;
        await Promise.race([wait(waitMs), interrupted.promise]);
      }
    }
  } finally {
    undo();
  }
}

import { randomUUID } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import { CommandError, usageError } from "@afterpatch/core/command-error";
import { wholeNumberOf } from "@afterpatch/core/command-line";
import { EXIT, type ExitCode, rolloutExitCode } from "@afterpatch/core/exit";
import { NO_SCOPE } from "@afterpatch/core/fleet/scope";
import { NO_FILTER } from "@afterpatch/core/plan/filter";
import type { RebootOrder } from "@afterpatch/core/plan/reboot";
import { echoed } from "@afterpatch/core/text";
import { serialOf } from "../arguments.ts";
import { attach } from "../attach.ts";
import type { Control, Rollout, StartRolloutRequest } from "../connection.ts";
import { tellComingBack } from "../documents/coming-back.ts";
import { tellNotes } from "../documents/reached.ts";
import { type PlanDocument, planDocument } from "../documents/plan.ts";
import { nothingToDo, type RolloutDocument, rolloutDocument } from "../documents/rollout.ts";
import { reportOfNothing } from "../documents/report.ts";
import { type Keep, reportOf, withJunit } from "../junit.ts";
import { refuseStale, type SavedPlan } from "../saved-plan.ts";
import { columnsOf, checkTarget, emit, isForPrograms } from "../output.ts";
import { renderPlan } from "../render/plan.ts";
import { wrapped } from "../render/wrap.ts";
import { counted } from "../render/table.ts";
import type { Shell, Target } from "../shell.ts";
import { patternOf, type RolloutInput } from "../rollout-file.ts";
import { confirmation } from "./confirmation.ts";
import { type DryRunArgs, isDryRun, showDryRun } from "./dry-run.ts";
import { type FilterArgs, filterOf, isPartial } from "./filter-options.ts";
import { type ScopeArgs, scopeOf } from "./scope-options.ts";
import type { beginOptions } from "./start-options.ts";
import { type Patience, patienceOf, shellFor } from "./wait-options.ts";

const RETRY_MS = 60_000;

/** Plans, shows it, asks, starts, and follows to the end. `what`: the command that was typed. */
export async function begin(
  what: string,
  args: Args,
  reboot: RebootOrder,
  shell: Shell,
  basis: Basis = {},
): Promise<ExitCode> {
  const patience = patienceOf(args);
  const junit = isDryRun(args) ? undefined : args.junit; // nothing is done that could be told
  const followed = (keep: Keep) => carryOut(what, { ...args, ...patience }, reboot, shell, { ...basis, keep });
  return withJunit(what, junit, followed);
}

async function carryOut(
  what: string,
  args: Args & Patience,
  reboot: RebootOrder,
  shell: Shell,
  { input = null, saved = null, retry = null, restarts = [], keep }: Basis & { readonly keep: Keep },
): Promise<ExitCode> {
  digestOf(args.planDigest);
  // What is ordered again looks where it did then.
  const scope = retry === null ? (saved?.order.scope ?? (await scopeOf(args, shell))) : NO_SCOPE;
  const fresh = requestOf(retry === null ? args : again(args), reboot, input);
  const typed =
    retry === null ? { ...fresh, scope } : { ...fresh, pattern: "", reason: args.reason ?? "", retryOf: retry };
  const isDry = isDryRun(args);
  const request = restarts.length === 0 ? typed : { ...typed, filter: { ...NO_FILTER, restarts } };
  await checkTarget(args);
  const { connect } = await import("../connection.ts");
  if (!args.yes && !isDry && shell.ask === null) {
    // Of a rollout that is not there that is said, rather than how to confirm it.
    if (retry !== null) await (await connect(shell)).getRollout(retry);
    const look = reboot.mode === "always" ? "afterpatch plan --reboot always" : "afterpatch plan";
    throw usageError(what, "nobody is at a terminal to confirm the plan", `look at '${look}' and add --yes`);
  }
  const control = await connect(shell);
  const { pattern, serial, filter, rolloutFile, retryOf } = request;
  const order = { pattern, serial, reboot, filter, rolloutFile, retryOf, scope };
  const plan = planDocument(await control.planFleet(order, what), order);
  tellComingBack(plan.comingBack, shell);
  tellNotes(plan.notes, shell);
  checkCeiling(what, plan, request.maxHosts);
  if (saved !== null && !args.allowNew) refuseStale(saved, plan, shell);
  if (isDry) return showDryRun(plan, args, shell);
  if (plan.totals.steps === 0) {
    const nothing = nothingToDo(plan, request.name, request.reason);
    await keep(async () => reportOfNothing(nothing, pattern));
    return reportNothing(nothing, plan, args, shell);
  }
  await confirm(what, plan, args, shell);
  // The controller judges whether what it plans now fits the plan with this digest: a target that vanished does.
  const expectedDigest = args.allowNew ? "" : (digestOf(args.planDigest) ?? plan.digest);
  const rollout = await start(what, control, { ...request, expectedDigest }, shell);
  if (!args.detach) {
    const code = await attach(control, rollout.id, shellFor(args, shell), { ...args, isKnown: true });
    await keep(() => reportOf(control, rollout.id));
    return code;
  }
  const document = rolloutDocument(rollout);
  await emit({ document, table: () => `${document.id}\n` }, args, shell);
  return EXIT.ok;
}

type Parsed = Awaited<ReturnType<ReturnType<typeof beginOptions>["parse"]>>;
interface Args
  extends Pick<
      Parsed,
      | ("maxFail" | "reason" | "name" | "yes" | "detach" | "maxHosts" | "queue" | "allowNew" | "failOnResidue")
      | ("noWait" | "wait" | "waitTimeout" | "junit")
    >,
    FilterArgs,
    DryRunArgs,
    ScopeArgs,
    Target {
  readonly pattern?: string | undefined;
  readonly serial: string;
  readonly planDigest?: string | undefined;
}

/** Where an order comes from, beside the command line. */
interface Basis {
  readonly input?: RolloutInput | null;
  readonly saved?: SavedPlan | null;
  /** Id of a rollout whose order it is. */
  readonly retry?: string | null;
  /** Globs over units that are restarted in any case. */
  readonly restarts?: readonly string[];
}

/** All that is not said anew is that rollout's. */
function again(args: Args): Args {
  return { ...args, reason: args.reason ?? "as before", pattern: "all" };
}

function requestOf(args: Args, reboot: RebootOrder, input: RolloutInput | null): StartRolloutRequest {
  const reason = args.reason ?? input?.spec.reason ?? (isDryRun(args) ? "not started" : null);
  if (reason === null) throw usageError("--reason", "is missing", "say why, for those who read the history");
  if (reason.trim() === "") throw usageError("--reason", "is empty", "say why, for those who read the history");
  const filter = filterOf(args, input?.spec.actions ?? null);
  if (args.allowNew && isPartial(filter, input?.spec.actions ?? null)) {
    const why = "what is new was not held against the filter, and would be done whatever it is";
    throw usageError("--allow-new", why, "leave one of the two out");
  }
  return {
    filter,
    pattern: patternOf(args, input),
    serial: serialOf(args.serial),
    maxFail: args.maxFail === undefined ? 0 : wholeNumberOf("--max-fail", args.maxFail, 0, 1_000_000),
    reason,
    name: args.name ?? input?.spec.name ?? "",
    maxHosts: args.maxHosts === undefined ? 0 : wholeNumberOf("--max-hosts", args.maxHosts, 1, 1_000_000),
    expectedDigest: "",
    allowNew: args.allowNew,
    requestId: randomUUID(),
    reboot,
    rolloutFile: input?.text ?? "",
    retryOf: "",
    queue: args.queue,
    scope: NO_SCOPE,
  };
}

/** As `afterpatch plan` prints it; another text would only ever be called stale. */
function digestOf(text: string | undefined): string | null {
  if (text === undefined || /^[0-9a-f]{64}$/.test(text)) return text ?? null;
  const todo = "copy the 64 digits that 'afterpatch plan' prints, or leave it out";
  throw usageError("--plan-digest", `${echoed(text)} is no digest of a plan`, todo);
}

function checkCeiling(what: string, plan: PlanDocument, maxHosts: number): void {
  if (maxHosts === 0 || plan.totals.hosts <= maxHosts) return;
  const why = `${counted(plan.totals.hosts, "host")} selected, more than --max-hosts ${maxHosts}`;
  throw usageError(what, why, "select fewer hosts or raise --max-hosts");
}

async function reportNothing(document: RolloutDocument, plan: PlanDocument, args: Args, shell: Shell) {
  const columns = columnsOf(args, shell);
  await emit({ document, table: (paint, isWide) => wrapped(renderPlan(plan, paint, isWide), columns) }, args, shell);
  return rolloutExitCode({ ...document, failOnResidue: args.failOnResidue });
}

/** Shows the plan, and asks where somebody can answer. */
async function confirm(what: string, plan: PlanDocument, args: Args, shell: Shell): Promise<void> {
  const write = isForPrograms(args) || args.detach ? shell.err : shell.out;
  if (!args.yes || !isForPrograms(args))
    write(`${wrapped(renderPlan(plan, shell.paint, args.format === "wide" || args.diff), columnsOf(args, shell))}\n`);
  if (args.yes || shell.ask === null) return;
  const { question, isGiven, todo } = confirmation(plan.totals);
  if (!isGiven(await shell.ask(question))) throw usageError(what, "not confirmed, nothing was done", todo);
}

/** Asks again while the connection breaks: the request's id makes it one rollout, however often it arrives. */
async function start(what: string, control: Control, request: StartRolloutRequest, shell: Shell): Promise<Rollout> {
  const interrupted = Promise.withResolvers<never>();
  const undo = shell.onInterrupt(() => {
    const why = "interrupted; the rollout may have been started";
    interrupted.reject(new CommandError(EXIT.detached, what, why, "see 'afterpatch rollout list'"));
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

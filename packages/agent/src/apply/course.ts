import { isRestart } from "@afterpatch/core/policy/caps";
import { planOf } from "@afterpatch/core/plan/plan";
import { NO_REBOOT, REBOOT, type RebootOrder, whyNoReboot } from "@afterpatch/core/plan/reboot";
import type { Plan, Step } from "@afterpatch/core/plan/types";
import { isCarriedOut } from "@afterpatch/core/plan/verbs";
import type { StepRef, StepResult } from "@afterpatch/core/rollout/types";
import type { Scan } from "@afterpatch/core/scan";
import type { ProgressState } from "@afterpatch/core/session";
import { StepError } from "../effects/error.ts";
import {
  type Announced,
  type Begun,
  type Booted,
  type Intent,
  type Operation,
  isAway,
  stepKey,
} from "../journal/operations.ts";
import type { Clock, Journal, Machine, RebootVeto } from "../ports.ts";
import type { Rules, Veto } from "../vetoes/rules.ts";

export interface CarryOutDeps {
  readonly machine: Machine;
  readonly rules: Rules;
  readonly journal: Journal;
  readonly clock: Clock;
  /** Called at each change, for whoever watches. `steps` are the results so far. */
  readonly report: (state: ProgressState, steps: readonly StepResult[]) => void;
  /** Interrupts between steps; a step that has begun is ended first. */
  readonly signal: AbortSignal;
}

/** An order on its way: what the journal says of it, kept up to date with what is appended. */
export interface Course {
  readonly begun: Begun;
  readonly deps: CarryOutDeps;
  /** By `stepKey`: the effect was, or may have been, begun. */
  readonly intents: Map<string, Intent>;
  readonly results: Map<string, StepResult>;
  /** What the order ends with because of a step, by `stepKey`, where it is not `step-failed`. */
  readonly codes: Map<string, string>;
  announced: Announced | null;
  /** The host is back from the reboot that the order began. */
  booted: Booted | null;
  /** Ids of the findings that the plan had a remedy for, as far as this process saw the plan. */
  readonly planned: Set<string>;
  /** A process before this one began it, and may have run any hook. */
  readonly isResumed: boolean;
  /** The hooks `beforeApply` were tried by this process. */
  isPrepared: boolean;
}

/** Why nothing more is begun. */
export interface Stop {
  readonly code:
    | "interrupted"
    | "deadline"
    | "package-lock"
    | "scan-failed"
    | "new-targets"
    | "wrong-boot"
    | "unknown-verb"
    | "hook-vetoed"
    | "hook-failed"
    | "check-failed"
    | "cancelled"
    | RebootVeto["code"]
    | Veto["code"];
  readonly message: string;
}

/** A scan of this moment and its plan. */
export interface Seen {
  readonly scan: Scan;
  readonly plan: Plan;
}

export function isPerformed(step: StepRef): boolean {
  return isCarriedOut(step.kind);
}

/** The steps of a plan that are carried out, by `stepKey`. */
export function performedSteps(plan: Plan): ReadonlyMap<string, Step> {
  const steps = plan.steps.filter((step) => isPerformed(step.remedy));
  return new Map(steps.map((step) => [stepKey(step.remedy), step]));
}

/** Why a step that was ordered is none any more although its findings are there, or may be; or null. */
export function forbidden(course: Course, step: StepRef, { scan }: Seen): string | null {
  const finding = scan.findings.find(
    ({ remedy, verdict }) => stepKey(remedy) === stepKey(step) && verdict !== "unknown" && verdict !== "identical",
  );
  if (finding && !finding.remedy.automatic) return finding.remedy.reason;
  if (stepKey(step) !== stepKey(REBOOT)) return null;
  return rebootOf(course).mode === "never" ? "The order leaves reboots out." : whyNoReboot(scan.host.kernel);
}

export function courseOf(operation: Operation, deps: CarryOutDeps, isResumed: boolean): Course {
  const { begun, intents, outcomes, codes, announced, booted } = operation;
  const hooks = { isResumed, isPrepared: false };
  const before = { intents: new Map(intents), results: new Map(outcomes), codes: new Map(codes), announced, booted };
  return { begun, deps, ...before, planned: new Set(), ...hooks };
}

export function resultsOf(course: Course): readonly StepResult[] {
  return [...course.results.values()];
}

/** Was the host booted anew since the order was begun? Times since boot and permits hold within one boot only. */
export function isRebooted(course: Course): boolean {
  return course.deps.machine.bootId() !== course.begun.bootId;
}

/** How the order has the host rebooted, if at all. */
export function rebootOf({ begun }: Pick<Course, "begun">): RebootOrder {
  return begun.order.reboot ?? NO_REBOOT;
}

/** A reboot was begun, and nobody has found out yet what came of it. */
export function isReturning({ intents, results }: Pick<Course, "intents" | "results">): boolean {
  return isAway({ intents, outcomes: results });
}

/** It speaks against this step alone: others may still be begun. */
export function isOfStep({ code }: Stop): boolean {
  return code === "cap" || code === "impossible";
}

/** Asked before each effect, and before anything where `step` is null: why it must not begin. */
export async function obstacle(course: Course, step: StepRef | null = null): Promise<Stop | null> {
  const { machine, rules, clock, signal } = course.deps;
  if (signal.aborted) return { code: "interrupted", message: "interrupted before the next step" };
  if (isRebooted(course)) return { code: "wrong-boot", message: "the host was booted anew since the order was begun" };
  if (clock.sinceBootMs() - course.begun.sinceBootMs >= course.begun.order.deadlineMs) {
    return { code: "deadline", message: `not finished within ${course.begun.order.deadlineMs} ms` };
  }
  const busy = await machine.busy();
  if (busy !== null) return { code: "package-lock", message: busy };
  // What was begun of the step itself before a crash is no other restart.
  const others = [...course.intents.values()].filter((intent) => !step || stepKey(intent.step) !== stepKey(step));
  const restarts = others.filter((intent) => isRestart(intent.step.kind)).length;
  const veto = await rules.veto(step, restarts, course.begun.op);
  return veto ?? (step && stepKey(step) === stepKey(REBOOT) ? machine.reboots.veto(rebootOf(course)) : null);
}

/** What would still be done by itself: a reboot that was ordered is over. */
const AFTER_REBOOT = { mode: "when-required", sessionsFirst: false } as const;

export async function look(course: Course): Promise<Seen | Stop> {
  try {
    const scan = await course.deps.machine.scan(course.deps.signal);
    const { from, steps } = course.begun.order;
    const { method } = rebootOf(course);
    if (course.booted) return { scan, plan: planOf(scan, [], { ...AFTER_REBOOT, method }) };
    // Steps that are taken on request alone: a person on this host asked for them by name, a permit never does.
    return { scan, plan: planOf(scan, from.kind === "local" ? steps : [], rebootOf(course)) };
  } catch (error) {
    if (course.deps.signal.aborted) return { code: "interrupted", message: "interrupted during a scan" };
    if (error instanceof StepError) return { code: "scan-failed", message: error.message };
    throw error;
  }
}

/**
 * Writes a step's outcome to the journal, then tells who watches. A later outcome of the same step replaces it. `code`: what
 * the order ends with because of it.
 */
export async function conclude(
  course: Course,
  step: StepRef,
  outcome: StepResult["outcome"],
  evidence: string,
  began = { at: course.deps.clock.now(), sinceBootMs: course.deps.clock.sinceBootMs() },
  lastWords: readonly string[] = [],
  code: string | null = null,
): Promise<void> {
  const { clock, journal, report } = course.deps;
  const elapsedMs = Math.max(0, Math.round(clock.sinceBootMs() - began.sinceBootMs));
  const times = { startedAt: began.at, elapsedMs };
  const log = lastWords.length > 0 ? { journal: lastWords } : {};
  const result = { kind: step.kind, target: step.target, outcome, evidence, ...times, ...log };
  await journal.append({ type: "outcome", op: course.begun.op, result, ...(code === null ? {} : { code }) });
  course.results.set(stepKey(step), result);
  if (code !== null) course.codes.set(stepKey(step), code);
  report(course.booted ? "verifying" : "acting", resultsOf(course));
}

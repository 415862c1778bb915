import type { HookMoment, Program } from "@afterpatch/core/policy/types";
import type { StepRef } from "@afterpatch/core/rollout/types";
import { visible } from "@afterpatch/core/text";
import { stepKey } from "../journal/operations.ts";
import { type Course, conclude, type Stop } from "./course.ts";

// The host's own programs around an order. Whatever `before...` was tried, `after...` follows, however it went. After a
// crash both may be run a second time.

/** Runs `beforeApply`, once per order, right before its first effect. */
export async function prepare(course: Course): Promise<Stop | null> {
  if (course.isPrepared) return null;
  course.isPrepared = true;
  const why = await runAll(course, "beforeApply");
  return why === null ? null : { code: "hook-vetoed", message: why };
}

/** Runs `afterApply` when `beforeApply` was tried, or may have been. */
export async function finish(course: Course, result: "verified" | "failed"): Promise<Stop | null> {
  if (!course.isPrepared && !course.isResumed) return null;
  const why = await runAll(course, "afterApply", { AFTERPATCH_RESULT: result });
  return why === null ? null : { code: "hook-failed", message: why };
}

/** What `beforeStep` has against this step, or null. */
export async function beforeStep(course: Course, step: StepRef): Promise<string | null> {
  return runAll(course, "beforeStep", stepVariables(step));
}

/** Runs `afterStep`; a step that was done is failed when this does. */
export async function afterStep(course: Course, step: StepRef): Promise<void> {
  const result = course.results.get(stepKey(step));
  const variables = { ...stepVariables(step), AFTERPATCH_OUTCOME: result?.outcome ?? "" };
  const why = await runAll(course, "afterStep", variables);
  if (why !== null) await conclude(course, step, "failed", `${result?.evidence ?? "begun"}, but then: ${why}`);
}

/** Runs the checks: all of them, for who has to find out what is wrong. */
export async function failedCheck(course: Course): Promise<Stop | null> {
  const failed: string[] = [];
  for (const program of await course.deps.rules.programs("check")) {
    const why = await runOne(course, "check", program, {});
    if (why !== null) failed.push(why);
  }
  return failed.length === 0 ? null : { code: "check-failed", message: failed.join("; ") };
}

/** One after the other, up to the first that fails. After something, all of them: each has its own to put right. */
async function runAll(
  course: Course,
  moment: HookMoment,
  variables: Readonly<Record<string, string>> = {},
): Promise<string | null> {
  const isAfter = moment === "afterApply" || moment === "afterStep";
  let first: string | null = null;
  for (const program of await course.deps.rules.programs(moment)) {
    const why = await runOne(course, moment, program, variables);
    first ??= why;
    if (first !== null && !isAfter) return first;
  }
  return first;
}

async function runOne(
  { begun: { op, order }, deps }: Course,
  moment: HookMoment | "check",
  program: Program,
  variables: Readonly<Record<string, string>>,
): Promise<string | null> {
  const why = await deps.rules.run(program, {
    AFTERPATCH_NAME: program.name,
    AFTERPATCH_MOMENT: moment,
    AFTERPATCH_OPERATION: visible(op),
    AFTERPATCH_ROLLOUT: order.from.kind === "permit" ? visible(order.from.rolloutId) : "",
    ...variables,
  });
  if (why === null) return null;
  return moment === "check" ? `check ${program.name}: ${why}` : `hook ${program.name} (${moment}): ${why}`;
}

function stepVariables({ kind, target }: StepRef): Readonly<Record<string, string>> {
  return { AFTERPATCH_STEP: visible(kind), AFTERPATCH_TARGET: visible(target) };
}

import { REBOOT } from "@afterpatch/core/plan/reboot";
import type { StepRef } from "@afterpatch/core/rollout/types";
import { StepError } from "../effects/error.ts";
import { stepKey } from "../journal/operations.ts";
import { giveTime } from "./announce.ts";
import {
  type Course,
  conclude,
  forbidden,
  isOfStep,
  isPerformed,
  isRebooted,
  look,
  obstacle,
  performedSteps,
  rebootOf,
  type Seen,
  type Stop,
} from "./course.ts";
import { afterStep, beforeStep, prepare } from "./hooks.ts";
import { perform } from "./step.ts";

interface Rest {
  readonly stop: Stop | null;
  readonly seen: Seen | null;
}

/** Carries out the steps of the order that have not been begun, as a fresh scan still finds them. */
export async function carryOutRest(course: Course): Promise<Rest> {
  const unknown = course.begun.order.steps.find((step) => !isPerformed(step));
  if (unknown) return { stop: { code: "unknown-verb", message: `${unknown.kind} is not carried out` }, seen: null };
  const isAllEnded = course.begun.order.steps.every((step) => course.results.has(stepKey(step)));
  if (course.intents.size > 0 && isAllEnded && !course.begun.order.allowNew) return { stop: null, seen: null };
  // After a boot nothing is begun any more; the scan still says what is left.
  const before = course.intents.size > 0 || isRebooted(course) ? null : await obstacle(course);
  if (before) return { stop: before, seen: null };
  const seen = await look(course);
  if ("code" in seen) return { stop: seen, seen: null };
  const queue = stepsInTurn(course, seen);
  if ("code" in queue) return { stop: queue, seen };
  // One that is not needed any more is told in its turn.
  const isNeeded = performedSteps(seen.plan).has(stepKey(REBOOT));
  const reboot = isNeeded ? queue.find((step) => stepKey(step) === stepKey(REBOOT)) : undefined;
  const isLater = course.intents.size > 0 || isRebooted(course);
  return reboot && !isLater
    ? withReboot(course, reboot, queue, seen)
    : { stop: await inTurn(course, queue, seen), seen };
}

/**
 * Nobody is told of a reboot that does not come, and no session is ended for it. People have their time before anything
 * is done, so that nothing is when they cancel it; then all is asked again.
 */
async function withReboot(course: Course, reboot: StepRef, first: readonly StepRef[], before: Seen): Promise<Rest> {
  // What was announced before a crash stays announced.
  const early = course.announced ? null : await obstacle(course, reboot);
  if (early) return { stop: early, seen: before };
  if (rebootOf(course).delayMs === 0) return { stop: await inTurn(course, first, before), seen: before };
  const stop = (await giveTime(course)) ?? (await obstacle(course, reboot));
  if (stop) return { stop, seen: before };
  const seen = await look(course);
  if ("code" in seen) return { stop: seen, seen: null };
  const queue = stepsInTurn(course, seen);
  return "code" in queue ? { stop: queue, seen } : { stop: await inTurn(course, queue, seen), seen };
}

/** The steps to consider, in the plan's order, then those that vanished. */
function stepsInTurn(course: Course, seen: Seen): readonly StepRef[] | Stop {
  const { order } = course.begun;
  const ordered = new Map(order.steps.map((step) => [stepKey(step), step]));
  const left = new Set((order.leave ?? []).map(stepKey));
  const planned = performedSteps(seen.plan);
  const fresh = [...planned].filter(([key]) => !ordered.has(key) && !left.has(key));
  // Once something was done the order is carried on; what is new since then stays for the next plan.
  // What a person wants restarted in any case has nothing to do with it.
  if (fresh.length > 0 && !order.allowNew && !order.isOrdered && course.intents.size === 0) {
    const names = fresh.map(([, step]) => step.remedy.target).join(", ");
    return { code: "new-targets", message: `the plan no longer fits: ${names} was not in it` };
  }
  for (const [key, step] of planned) {
    if (ordered.has(key)) for (const id of step.findings) course.planned.add(id);
  }
  if (order.allowNew) for (const [key, step] of fresh) ordered.set(key, step.remedy);
  const present = [...planned.keys()].flatMap((key) => ordered.get(key) ?? []);
  const vanished = [...ordered.values()].filter((step) => !planned.has(stepKey(step)));
  return [...present, ...vanished].filter((step) => !course.results.has(stepKey(step)));
}

async function inTurn(course: Course, queue: readonly StepRef[], first: Seen): Promise<Stop | null> {
  let seen = first;
  let isFresh = true;
  for (const step of queue) {
    if (performedSteps(seen.plan).has(stepKey(step)) && !isFresh) {
      // Restarting a unit restarts those that require it: what it replaced along the way is not replaced again.
      const now = await look(course);
      if ("code" in now) return now;
      seen = now;
      isFresh = true;
    }
    const isOrdered = course.begun.order.isOrdered === true && step.kind === "restart-service";
    const kept = isOrdered ? await keptFrom(course, step) : null;
    if (kept !== null) {
      await conclude(course, step, "vetoed", kept);
      continue;
    }
    if (!isOrdered && !performedSteps(seen.plan).has(stepKey(step))) {
      const why = forbidden(course, step, seen);
      if (why === null) await conclude(course, step, "skipped", whyVanished(seen));
      else await conclude(course, step, "vetoed", why);
      continue;
    }
    const vain = inVain(course, step, seen);
    if (vain !== null) {
      await conclude(course, step, "vetoed", vain);
      continue;
    }
    const stop = await begin(course, step);
    if (stop) return stop;
    isFresh = false;
  }
  return null;
}

/** Asked again at the moment of acting: what it is that the host keeps may have changed since the plan. */
async function keptFrom(course: Course, { target }: StepRef): Promise<string | null> {
  try {
    return await course.deps.rules.keeps(target);
  } catch (error) {
    if (!(error instanceof StepError)) throw error;
    return `whether it is kept cannot be told: ${error.message}`;
  }
}

function whyVanished({ plan }: Seen): string {
  const isRebooted = plan.steps.some(({ remedy }) => stepKey(remedy) === stepKey(REBOOT));
  return isRebooted ? "left to the reboot" : "nothing of it runs old code any more";
}

/** Forks of a service that was to be restarted before and was not: whoever connected again would get another one. */
function inVain(course: Course, step: StepRef, { scan }: Seen): string | null {
  const after = scan.findings.find(({ remedy }) => stepKey(remedy) === stepKey(step))?.remedy.after;
  if (after === undefined) return null;
  const restart = course.results.get(stepKey({ kind: "restart-service", target: after }));
  if (restart?.outcome !== "failed" && restart?.outcome !== "vetoed") return null;
  return `${after}, of which they are forks, was not restarted`;
}

/** One step with its hooks. What speaks against all that follows is a Stop; what speaks against this step is its outcome. */
async function begin(course: Course, step: StepRef): Promise<Stop | null> {
  const stop = (await obstacle(course, step)) ?? (await prepare(course));
  if (stop) return ofStep(course, step, stop);
  const why = await beforeStep(course, step);
  // Hooks take their time: what was allowed before them need not be any more.
  const late = why === null ? await obstacle(course, step) : null;
  if (why !== null) await conclude(course, step, "vetoed", why);
  else if (late === null) await perform(course, step);
  else if (isOfStep(late)) await conclude(course, step, "vetoed", late.message);
  await afterStep(course, step);
  return late === null || isOfStep(late) ? null : late;
}

/** A cap speaks against one step: sessions may be ended though no unit may be restarted any more. */
async function ofStep(course: Course, step: StepRef, stop: Stop): Promise<Stop | null> {
  if (!isOfStep(stop)) return stop;
  await conclude(course, step, "vetoed", stop.message);
  return null;
}

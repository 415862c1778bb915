import type { StepRef } from "@afterpatch/core/rollout/types";
import { stepKey } from "../journal/operations.ts";
import {
  type Course,
  conclude,
  isPerformed,
  isRebooted,
  look,
  obstacle,
  performedSteps,
  type Seen,
  type Stop,
} from "./course.ts";
import { perform } from "./step.ts";

/** Carries out the steps of the order that have not been begun, as a fresh scan still finds them. */
export async function carryOutRest(course: Course): Promise<{ stop: Stop | null; seen: Seen | null }> {
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
  if (fresh.length > 0 && !order.allowNew && course.intents.size === 0) {
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
  let found = performedSteps(first.plan);
  let isFresh = true;
  for (const step of queue) {
    if (found.has(stepKey(step)) && !isFresh) {
      // Restarting a unit restarts those that require it: what it replaced along the way is not replaced again.
      const seen = await look(course);
      if ("code" in seen) return seen;
      found = performedSteps(seen.plan);
      isFresh = true;
    }
    if (!found.has(stepKey(step))) {
      await conclude(course, step, "skipped", "nothing of it runs old code any more");
      continue;
    }
    const stop = await obstacle(course);
    if (stop) return stop;
    await perform(course, step);
    isFresh = false;
  }
  return null;
}

import type { StepRef } from "@afterpatch/core/rollout/types";
import { StepError } from "../effects/error.ts";
import { type Intent, rebootIntent, stepKey } from "../journal/operations.ts";
import type { Evidence, Performed } from "../ports.ts";
import { announceNow } from "./announce.ts";
import { comeBack } from "./come-back.ts";
import {
  type Course,
  conclude,
  forbidden,
  isOfStep,
  isRebooted,
  isReturning,
  look,
  obstacle,
  performedSteps,
  rebootOf,
  type Stop,
} from "./course.ts";
import { afterStep } from "./hooks.ts";

/** Takes the evidence, writes the intent, acts, writes the outcome. */
export async function perform(course: Course, step: StepRef): Promise<void> {
  let before: Evidence;
  try {
    before = await course.deps.machine.evidence(step, course.begun.op);
  } catch (error) {
    if (!(error instanceof StepError)) throw error;
    return conclude(course, step, "failed", `nothing was done: ${error.message}`);
  }
  return act(course, step, before, 1);
}

/** Finds out what became of effects that a crash cut off, and repeats those that did not happen, once. */
export async function findOut(course: Course): Promise<Stop | null> {
  const open = [...course.intents.values()].filter((intent) => !course.results.has(stepKey(intent.step)));
  if (open.length === 0) return null;
  const reboot = isReturning(course) ? rebootIntent(course) : null;
  if (isRebooted(course)) return reboot ? afterReboot(course, reboot) : judgeByScan(course, open);
  for (const intent of open) {
    const stop = await findOutOne(course, intent);
    await afterStep(course, intent.step);
    if (stop) return stop;
  }
  return null;
}

async function findOutOne(course: Course, intent: Intent): Promise<Stop | null> {
  const { step, before, attempt } = intent;
  const { machine, signal } = course.deps;
  let happened: "yes" | "no";
  try {
    happened = await machine.happened(step, before, course.begun.order.graceMs, signal);
  } catch (error) {
    if (!(error instanceof StepError)) throw error;
    // Acting without knowing could act twice.
    await conclude(course, step, "failed", `what a crash left could not be found out: ${error.message}`);
    return null;
  }
  if (happened === "yes" && isReturning(course)) {
    await comeBack(course, intent);
    return null;
  }
  if (happened === "yes") {
    await conclude(course, step, "done", "found done when the agent came back");
    return null;
  }
  if (attempt > 1) {
    await conclude(course, step, "failed", `no effect after ${attempt} attempts, each cut off by a crash`);
    return null;
  }
  const why = (await obstacle(course, step)) ?? (await forbiddenNow(course, step));
  const message = typeof why === "string" ? why : why?.message;
  if (message === undefined) await act(course, step, before, attempt + 1);
  else await conclude(course, step, "failed", `had no effect before a crash, and was not repeated: ${message}`);
  return typeof why === "string" || (why && isOfStep(why)) ? null : why;
}

/**
 * What the administrator has forbidden since it was begun. A step whose findings are gone is repeated: a service may have
 * been stopped, and not started yet.
 */
async function forbiddenNow(course: Course, step: StepRef): Promise<Stop | string | null> {
  const seen = await look(course);
  if ("code" in seen) return seen;
  return performedSteps(seen.plan).has(stepKey(step)) ? null : forbidden(course, step, seen);
}

async function afterReboot(course: Course, intent: Intent): Promise<null> {
  await comeBack(course, intent);
  await afterStep(course, intent.step);
  return null;
}

/** A boot restarts everything: what the scan no longer finds was replaced by it. */
async function judgeByScan(course: Course, open: readonly Intent[]): Promise<Stop | null> {
  const seen = await look(course);
  if ("code" in seen) return seen;
  const left = performedSteps(seen.plan);
  for (const { step } of open) {
    if (left.has(stepKey(step)))
      await conclude(course, step, "failed", "the host was booted anew, and it still runs old code");
    else await conclude(course, step, "done", "replaced when the host was booted anew");
  }
  return null;
}

async function act(course: Course, step: StepRef, before: Evidence, attempt: number): Promise<void> {
  const { machine, journal, clock, signal } = course.deps;
  const began = { at: clock.now(), sinceBootMs: clock.sinceBootMs() };
  const intent: Intent = { type: "intent", op: course.begun.op, step, before, attempt, at: began.at };
  await journal.append(intent);
  course.intents.set(stepKey(step), intent);
  if (isReturning(course)) await announceNow(course);
  let performed: Performed;
  try {
    const again = attempt > 1 ? ({ isRepeated: true } as const) : {};
    const against = async () => (await obstacle(course, step))?.message ?? null;
    const order = { graceMs: course.begun.order.graceMs, reboot: rebootOf(course) };
    const how = { ...order, signal, obstacle: against, ...again };
    performed = await machine.perform(step, before, how);
  } catch (error) {
    if (!(error instanceof StepError)) throw error;
    performed = { outcome: "failed", detail: error.message };
  }
  const log = performed.outcome === "failed" ? await machine.lastWords(step, before) : [];
  await conclude(course, step, performed.outcome, performed.detail, began, log);
}

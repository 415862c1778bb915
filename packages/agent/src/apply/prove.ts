import { StepError } from "../effects/error.ts";
import { stepKey } from "../journal/operations.ts";
import { type Course, conclude, look, resultsOf, type Seen, type Stop } from "./course.ts";

/** Waits, then asks of each step that was done whether its target is still as it must be. */
export async function settle(course: Course): Promise<Stop | null> {
  const { machine, clock, signal, report } = course.deps;
  // A reboot replaced whatever was done before, and has settled itself.
  if (course.booted) return null;
  const done = resultsOf(course).filter((result) => result.outcome === "done");
  if (done.length === 0) return null;
  report("settling", resultsOf(course));
  try {
    await clock.sleep(course.begun.order.settleMs, signal);
  } catch (error) {
    if (signal.aborted) return { code: "interrupted", message: "interrupted before the proof" };
    throw error;
  }
  for (const result of done) {
    const intent = course.intents.get(stepKey(result));
    if (!intent) continue;
    let wrong: string | null;
    try {
      wrong = await machine.settled(intent.step, intent.before);
    } catch (error) {
      if (!(error instanceof StepError)) throw error;
      wrong = error.message;
    }
    if (wrong === null) continue;
    const log = await machine.lastWords(intent.step, intent.before);
    await conclude(course, intent.step, "failed", `${result.evidence}, but then: ${wrong}`, undefined, log);
  }
  return null;
}

export async function prove(course: Course): Promise<Seen | Stop> {
  course.deps.report("verifying", resultsOf(course));
  return look(course);
}

/**
 * Ids of the findings that the order should have cleared: those it was planned for, and new ones of the same targets. After
 * a reboot all that something automatic would replace.
 */
export function findingsLeft(course: Course, proof: Seen): readonly string[] {
  if (course.booted) return proof.plan.steps.flatMap((step) => step.findings);
  const targets = new Set([...course.begun.order.steps.map(stepKey), ...course.results.keys()]);
  const ofTargets = proof.plan.steps
    .filter((step) => targets.has(stepKey(step.remedy)))
    .flatMap((step) => step.findings);
  const known = proof.scan.findings.filter((finding) => course.planned.has(finding.id)).map((finding) => finding.id);
  return [...new Set([...known, ...ofTargets])];
}

import { REBOOT } from "@afterpatch/core/plan/reboot";
import type { StepResult } from "@afterpatch/core/rollout/types";
import type { Scan } from "@afterpatch/core/scan";
import { operations, rebootIntent, stepKey } from "../journal/operations.ts";
import type { Ending, Order } from "../ports.ts";
import { callOff } from "./announce.ts";
import { type CarryOutDeps, type Course, courseOf, isReturning, resultsOf, type Seen, type Stop } from "./course.ts";
import { failedCheck, finish } from "./hooks.ts";
import { findingsLeft, prove, settle } from "./prove.ts";
import { carryOutRest } from "./rest.ts";
import { findOut } from "./step.ts";

export interface CarriedOut {
  readonly ending: Ending;
  readonly steps: readonly StepResult[];
  /** The scan that proves the ending; null when none was made after the last effect. */
  readonly proof: Scan | null;
  /** Ids of the findings of `proof` that the order should have cleared. */
  readonly findingsLeft: readonly string[];
}

/**
 * Carries out an order and proves it. Every effect is written to the journal before and after; when the process dies
 * on the way, `resume` goes on. Throws when the journal does (JournalError): the caller exits.
 */
export async function carryOut(op: string, order: Order, deps: CarryOutDeps): Promise<CarriedOut> {
  if (operations(deps.journal.records()).has(op)) throw new Error(`order ${op} was begun before`);
  const at = deps.clock.now();
  const sinceBootMs = deps.clock.sinceBootMs();
  await deps.journal.append({ type: "begun", op, order, bootId: deps.machine.bootId(), at, sinceBootMs });
  return goOn(op, deps, false);
}

/** Goes on with an order that the journal holds as begun and not ended (see `unfinished`). Nothing is done twice. */
export async function resume(op: string, deps: CarryOutDeps): Promise<CarriedOut> {
  return goOn(op, deps, true);
}

async function goOn(op: string, deps: CarryOutDeps, isResumed: boolean): Promise<CarriedOut> {
  const operation = operations(deps.journal.records()).get(op);
  if (!operation || operation.ending) throw new Error(`order ${op} is not unfinished`);
  const course = courseOf(operation, deps, isResumed);
  deps.report(isReturning(course) ? "returning" : "acting", resultsOf(course));

  let stop = await findOut(course);
  let seen: Seen | null = null;
  let check: Stop | null = null;
  if (!stop && rebootIntent(course) === null) ({ stop, seen } = await carryOutRest(course));
  // Nothing was done: the scan that decided so is the proof. An interrupted order ends at once.
  if (course.intents.size > 0) {
    seen = null;
    if (stop?.code !== "interrupted") {
      const late = await settleAndProve(course);
      if ("code" in late) stop ??= late;
      else {
        seen = late;
        check = await failedCheck(course);
      }
    }
  }
  return end(course, { stop, check, seen });
}

async function settleAndProve(course: Course): Promise<Seen | Stop> {
  return (await settle(course)) ?? prove(course);
}

interface Found {
  readonly stop: Stop | null;
  /** A check that failed in the proof. */
  readonly check: Stop | null;
  readonly seen: Seen | null;
}

async function end(course: Course, found: Found): Promise<CarriedOut> {
  const { journal, clock } = course.deps;
  const { seen } = found;
  const left = seen ? findingsLeft(course, seen) : [];
  const residue = seen ? [...new Set([...seen.plan.residue.map((entry) => entry.owner), ...leftBy(course, seen)])] : [];
  const before = verdict(course, found, left.length);
  const late = await finish(course, before.result === "verified" ? "verified" : "failed");
  const judged = late !== null && before.result === "verified" ? stopped(course, late) : before;
  const ending: Ending = { ...judged, residue };
  await callOff(course, ending.message);
  await journal.append({ type: "ended", op: course.begun.op, ending, at: clock.now() });
  return {
    ending,
    steps: resultsOf(course),
    proof: seen?.scan ?? null,
    findingsLeft: left,
  };
}

/** What a permit left on purpose, and what is old still; a person here was told before. */
function leftBy({ begun: { order } }: Course, { plan }: Seen): readonly string[] {
  if (order.from.kind !== "permit") return [];
  const left = new Set((order.leave ?? []).map(stepKey));
  return plan.steps.flatMap(({ remedy }) => (left.has(stepKey(remedy)) ? [remedy.target] : []));
}

function stopped(course: Course, { code, message }: Stop): Omit<Ending, "residue"> {
  const result = course.intents.size > 0 ? "failed" : code === "new-targets" ? "stale" : "refused";
  return { result, code, message };
}

/** What a failed step makes of the order. A reboot that failed and did not bring the host back never took it down. */
function codeOf(course: Course, step: StepResult): string {
  const isReboot = rebootIntent(course) !== null && stepKey(step) === stepKey(REBOOT);
  return course.codes.get(stepKey(step)) ?? (isReboot && !course.booted ? "not-rebooted" : "step-failed");
}

function verdict(course: Course, { stop, check }: Found, left: number): Omit<Ending, "residue"> {
  if (stop) return stopped(course, stop);
  const failed = resultsOf(course).filter((step) => step.outcome === "failed" || step.outcome === "vetoed");
  const first = failed[0];
  if (first) {
    const more = failed.length > 1 ? ` (and ${failed.length - 1} more)` : "";
    return {
      result: "failed",
      code: codeOf(course, first),
      message: `${first.kind} ${first.target}: ${first.evidence}${more}`,
    };
  }
  if (check) return stopped(course, check);
  if (left > 0) {
    const findings = left === 1 ? "1 finding is" : `${left} findings are`;
    const which = course.booted ? "that something automatic would replace" : "that the plan had a remedy for";
    return { result: "failed", code: "findings-left", message: `${findings} left ${which}` };
  }
  return { result: "verified", code: "", message: "" };
}

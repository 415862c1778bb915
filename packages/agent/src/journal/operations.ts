import { REBOOT } from "@afterpatch/core/plan/reboot";
import type { StepRef, StepResult } from "@afterpatch/core/rollout/types";
import type { Ending, JournalRecord, OrderRecord } from "../ports.ts";

export type Begun = Extract<JournalRecord, { type: "begun" }>;
export type Intent = Extract<JournalRecord, { type: "intent" }>;
export type Announced = Extract<JournalRecord, { type: "announced" }>;
export type Booted = Extract<JournalRecord, { type: "booted" }>;

/** One order as the journal tells it. */
export interface Operation {
  readonly begun: Begun;
  /** The newest intent of each step, by `stepKey`, in the order in which the steps were first intended. */
  readonly intents: ReadonlyMap<string, Intent>;
  /** The newest outcome of each step, by `stepKey`; steps that were skipped have one without an intent. */
  readonly outcomes: ReadonlyMap<string, StepResult>;
  /** What the order ends with because of such an outcome, by `stepKey`, where it is not `step-failed`. */
  readonly codes: ReadonlyMap<string, string>;
  readonly announced: Announced | null;
  readonly booted: Booted | null;
  readonly ending: Ending | null;
  readonly endedAt: number | null;
  readonly acknowledged: boolean;
}

/** The orders of a journal by operation, in the order in which they were begun. */
export function operations(records: readonly JournalRecord[]): ReadonlyMap<string, Operation> {
  const found = new Map<string, Mutable>();
  for (const record of records) {
    if (record.type === "epoch") continue;
    if (record.type === "begun") {
      found.set(record.op, {
        begun: record,
        intents: new Map(),
        outcomes: new Map(),
        codes: new Map(),
        announced: null,
        booted: null,
        ending: record.refused ?? null,
        endedAt: record.refused ? record.at : null,
        acknowledged: false,
      });
      continue;
    }
    const operation = found.get(record.op);
    if (operation) follow(operation, record);
  }
  return found;
}

/** Operations that were begun and never ended: the agent died in the middle of them. */
export function unfinished(records: readonly JournalRecord[]): readonly string[] {
  return [...operations(records)].filter(([, operation]) => !operation.ending).map(([op]) => op);
}

/** A reboot was begun, and the host went down or may have: nothing else of the order is begun any more. */
export function rebootIntent({ intents }: Pick<Operation, "intents">): Intent | null {
  return intents.get(stepKey(REBOOT)) ?? null;
}

/** A reboot was begun, and nobody has found out yet what came of it. */
export function isAway(operation: Pick<Operation, "intents" | "outcomes">): boolean {
  return rebootIntent(operation) !== null && !operation.outcomes.has(stepKey(REBOOT));
}

/** Identifies a step within an order. */
export function stepKey(step: StepRef): string {
  return `${step.kind}:${step.target}`;
}

interface Mutable extends Operation {
  readonly intents: Map<string, Intent>;
  readonly outcomes: Map<string, StepResult>;
  readonly codes: Map<string, string>;
  announced: Announced | null;
  booted: Booted | null;
  ending: Ending | null;
  endedAt: number | null;
  acknowledged: boolean;
}

function follow(operation: Mutable, record: OrderRecord): void {
  switch (record.type) {
    case "intent":
      operation.intents.set(stepKey(record.step), record);
      return;
    case "outcome":
      operation.outcomes.set(stepKey(record.result), record.result);
      if (record.code !== undefined) operation.codes.set(stepKey(record.result), record.code);
      return;
    case "announced":
      operation.announced = record;
      return;
    case "booted":
      operation.booted = record;
      return;
    case "ended":
      operation.ending = record.ending;
      operation.endedAt = record.at;
      return;
    case "acknowledged":
      operation.acknowledged = true;
  }
}

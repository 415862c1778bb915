import { type Operation, stepKey } from "@afterpatch/agent/journal/operations";
import type { StepResult } from "@afterpatch/core/rollout/types";
import type { Start, Told } from "./site.ts";

/** All that is known of one round: from the upgrade until nothing runs old code. */
export interface Account {
  readonly units: readonly string[];
  readonly starts: readonly Start[];
  readonly told: readonly Told[];
  /** Pids of the sessions that were old. */
  readonly old: readonly number[];
  readonly deaf: readonly number[];
  /** Pids of the sessions that were opened after the upgrade, and those still open. */
  readonly fresh: readonly number[];
  readonly open: readonly number[];
  /** Orders of this round as the journal last told them, by id. */
  readonly orders: ReadonlyMap<string, Operation>;
  /** Steps as the documents of all runs told them, by id of the order; of the last run's own order under "". */
  readonly documents: readonly (readonly StepResult[])[];
  readonly findings: number;
  readonly graceMs: number;
}

const SERVICE = "crash";
/** Two clocks of one host, read one after the other. */
const TOLERANCE_MS = 5;

/** What is wrong, a sentence each; none when every effect happened once and is told. */
export function complaints(account: Account): readonly string[] {
  return [...ofRecord(account), ...ofUnits(account), ...ofSessions(account), ...ofDocuments(account)];
}

function* ofRecord({ orders, findings }: Account): Iterable<string> {
  for (const [op, { intents, outcomes, ending }] of orders) {
    if (!ending) yield `order ${op} has not ended`;
    for (const [step] of intents) if (!outcomes.has(step)) yield `order ${op}: ${step} has an intent and no outcome`;
    for (const [step, { outcome }] of outcomes) {
      if (outcome === "done" && !intents.has(step)) yield `order ${op}: ${step} was done without an intent`;
    }
  }
  if (findings > 0) yield `${findings} findings are left`;
}

function* ofUnits({ units, starts, orders }: Account): Iterable<string> {
  for (const unit of units) {
    const step = stepKey({ kind: "restart-service", target: unit });
    const own = starts.filter((start) => start.unit === unit);
    const done = [...orders.values()].filter(({ outcomes }) => outcomes.get(step)?.outcome === "done");
    const invocations = new Set(own.map((start) => start.invocation)).size;
    if (own.length !== 1 || invocations !== 1) yield `${unit} was started ${own.length} times, not once`;
    if (done.length !== 1) yield `${done.length} orders have restarted ${unit}, not one`;
    for (const { at } of own) {
      const intents = [...orders.values()].flatMap(({ intents: known }) => known.get(step) ?? []);
      if (!intents.some((intent) => intent.at <= at + TOLERANCE_MS)) yield `${unit} was started before any intent`;
    }
  }
}

function* ofSessions({ told, old, deaf, fresh, open, orders, graceMs }: Account): Iterable<string> {
  const step = stepKey({ kind: "end-session", target: SERVICE });
  const done = [...orders.values()].filter(({ outcomes }) => outcomes.get(step)?.outcome === "done");
  if (done.length !== 1) yield `${done.length} orders have ended the old sessions, not one`;
  for (const pid of old) {
    const times = told.filter((entry) => entry.pid === pid).map((entry) => entry.at);
    if (times.length === 0) yield `session ${pid} was never sent TERM`;
    if (open.includes(pid)) yield `session ${pid} is still open`;
    // Only of a session that lived on for the whole grace is it certain that the first TERM did nothing.
    const isHasty = times.some((at, index) => index > 0 && at - (times[index - 1] ?? 0) < graceMs - TOLERANCE_MS);
    if (isHasty || (times.length > 1 && !deaf.includes(pid))) {
      yield `session ${pid} was sent TERM ${times.length} times: ${times.join(", ")}`;
    }
  }
  for (const pid of fresh) {
    if (told.some((entry) => entry.pid === pid) || !open.includes(pid)) yield `fresh session ${pid} was ended`;
  }
}

/** Whoever gave the order learns of each effect, from the run that had it or from a later one. */
function* ofDocuments({ orders, documents }: Account): Iterable<string> {
  const told = new Set(
    documents
      .flat()
      .filter((step) => step.outcome === "done")
      .map(stepKey),
  );
  for (const [op, { outcomes }] of orders) {
    for (const [step, { outcome }] of outcomes) {
      if (outcome === "done" && !told.has(step)) yield `order ${op}: no document told that ${step} was done`;
    }
  }
}

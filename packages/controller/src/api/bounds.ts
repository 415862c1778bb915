import type { StepResult } from "@afterpatch/core/rollout/types";
import type { FromAgent, PermitUpdate, ScanReport } from "@afterpatch/core/session";

/** What a digest, a release or a version may be long. */
const WORD = 256;
/** One sentence for people, or a name. */
const SENTENCE = 1_000;
/** Steps, and names of residue, of one permit. */
const MOST_ITEMS = 1_000;
/** An agent carries out one permit at a time, and few wait for their acknowledgement. */
const MOST_PERMITS = 1_000;
/** What the targets of failed steps logged: lines of one, their length, and of how many steps it is kept. */
const MOST_LINES = 20;
const LINE = 500;
const MOST_LOGS = 20;
/** ECMA-262, time value range. */
const LAST_INSTANT = 8.64e15;

/**
 * A message cut to what the store and an operator's screen can hold: one host must not make the answer about a whole
 * fleet unreadable. Cut and never refused, for a host that is cut off would not come to its end either. Ids stay whole.
 */
export function withinBounds(message: FromAgent): FromAgent {
  switch (message.kind) {
    case "hello": {
      const { agentVersion, bootId, permits, instanceId } = message;
      const instance = instanceId === undefined ? {} : { instanceId: word(instanceId) };
      const words = { agentVersion: word(agentVersion), bootId: word(bootId), ...instance };
      return { ...message, ...words, permits: permits.slice(0, MOST_PERMITS).map(update) };
    }
    case "report":
      return { ...message, report: report(message.report) };
    case "permit-update":
      return { ...message, update: update(message.update) };
    case "scan-failed":
      return { ...message, why: sentence(message.why) };
    case "probe-result": {
      const { why, failedUnits, ports } = message.answer;
      const names = (all: readonly string[]) => all.slice(0, MOST_ITEMS).map(word);
      const units = message.answer.units.slice(0, MOST_ITEMS).map((unit) => ({
        name: word(unit.name),
        why: unit.why && sentence(unit.why),
      }));
      const answer = { why: why && sentence(why), failedUnits: names(failedUnits), ports: names(ports), units };
      return { ...message, answer };
    }
  }
}

function update(told: PermitUpdate): PermitUpdate {
  const steps = withSomeLogs(told.steps.slice(0, MOST_ITEMS).map(step));
  if (told.state !== "finished") return { ...told, steps };
  const { result, code, message, proof } = told.outcome;
  const residue = told.outcome.residue.slice(0, MOST_ITEMS).map(sentence);
  const outcome = { result, code: word(code), message: sentence(message), residue, proof: proof && report(proof) };
  return { ...told, steps, outcome };
}

function step({ kind, target, outcome, evidence, startedAt, elapsedMs, journal }: StepResult): StepResult {
  const times = { startedAt: instant(startedAt), elapsedMs: instant(elapsedMs) };
  const log = journal ? { journal: journal.slice(-MOST_LINES).map(line) } : {};
  return { kind: word(kind), target: sentence(target), outcome, evidence: sentence(evidence), ...times, ...log };
}

function withSomeLogs(steps: readonly StepResult[]): readonly StepResult[] {
  let logs = 0;
  return steps.map((told) => {
    if (!told.journal || ++logs <= MOST_LOGS) return told;
    const { journal: _, ...rest } = told;
    return rest;
  });
}

function report(told: ScanReport): ScanReport {
  const { digest, scannedAt, bootId, os, kernel } = told;
  const configError = told.configError === null ? null : sentence(told.configError);
  const words = { digest: word(digest), bootId: word(bootId), os: word(os), kernel: word(kernel) };
  return { ...told, ...words, scannedAt: instant(scannedAt), configError };
}

const word = (text: string): string => text.slice(0, WORD);
const line = (text: string): string => text.slice(0, LINE);
const sentence = (text: string): string => text.slice(0, SENTENCE);
/** The wire carries 64 bits; a larger number than this is no time, and could not be read from the store again. */
const instant = (ms: number): number => Math.min(Math.max(0, ms), LAST_INSTANT);

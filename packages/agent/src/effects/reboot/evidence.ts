import type { Evidence, RebootEvidence } from "../../ports.ts";
import { StepError } from "../error.ts";

/** Evidence as it comes back from the journal. Throws StepError. */
export function rebootEvidence(evidence: Evidence): RebootEvidence {
  const { bootId, softReboots, release, build, failedUnits, ports, expected, isRebuilt } = evidence;
  if (
    typeof bootId === "string" &&
    (softReboots === null || typeof softReboots === "number") &&
    typeof release === "string" &&
    typeof build === "string" &&
    (failedUnits === null || isStrings(failedUnits)) &&
    isStrings(ports) &&
    (expected === null || typeof expected === "string") &&
    typeof isRebuilt === "boolean"
  ) {
    return { bootId, softReboots, release, build, failedUnits, ports, expected, isRebuilt };
  }
  throw new StepError("unreadable", "the evidence in the journal is not of a reboot");
}

function isStrings(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((entry) => typeof entry === "string");
}

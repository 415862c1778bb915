import type { Schedule as Written } from "@afterpatch/core/policy/types";
import { every, type Schedule } from "../session/reports.ts";
import { nextRuns } from "./cron.ts";

const MOST_JITTER = 0.1;
const LONGEST_JITTER_MS = 600_000;

/**
 * When the daemon reports, by the agent's file. A cron expression is followed by up to a tenth of the time to its next
 * turn, ten minutes at most: a fleet with one file does not report in one second.
 */
export function scheduleOf(report: Written): Schedule {
  if (report.kind === "every") return every(report.everyMs);
  return (now, jitter) => {
    const [next = now + LONGEST_JITTER_MS, afterNext = next] = nextRuns(report.cron, 2, now);
    return next - now + jitter * Math.min(MOST_JITTER * (afterNext - next), LONGEST_JITTER_MS);
  };
}

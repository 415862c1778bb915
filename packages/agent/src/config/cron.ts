import { Cron } from "croner";

/** A cron expression of five or six fields, or a nickname such as @hourly, that comes true some time. */
export function isCron(expression: string): boolean {
  try {
    return new Cron(expression).nextRun() !== null;
  } catch (error) {
    if (error instanceof TypeError || error instanceof RangeError) return false;
    throw error;
  }
}

/** The next `count` instants after `now`, epoch milliseconds, by the host's clock. */
export function nextRuns(expression: string, count: number, now: number): readonly number[] {
  return new Cron(expression).nextRuns(count, new Date(now)).map((date) => date.getTime());
}

import { setTimeout as sleep } from "node:timers/promises";
import { run } from "../run.ts";
import { userTime } from "../user-time.ts";
import { type Place, placeOfService, type UnitState } from "./unit.ts";

/** Longest wait for a start limit to pass. */
const LIMIT_WAIT_MS = 30_000;
const JOURNAL_TIMEOUT_MS = 20_000;
/** More starts than any limit allows. */
const MOST_ENTRIES = 1000;

/** Message ids of a unit that is being started, was started, or failed to: sd-messages.h of systemd. */
const STARTS = [
  "7d4958e842da4a758f6c1cdc7b36dcc5",
  "39f53479d3a045ac8e11786248231fbf",
  "be02cf6855d2428ba40df7e9d022f03d",
] as const;

/**
 * Restarts by hand count against the limit (StartLimitBurst in StartLimitIntervalSec), and the one that exceeds it leaves
 * the unit stopped. Waits where that helps soon. Null: go on; else why not.
 */
export async function startLimit(name: string, state: UnitState): Promise<string | null> {
  const { burst, intervalMs } = state.startLimit;
  if (burst === 0 || intervalMs === 0) return null;
  const waitMs = await freeIn(name, state);
  if (waitMs <= 0) return null;
  if (waitMs <= Math.min(LIMIT_WAIT_MS, userTime.leftFor(name))) {
    await sleep(waitMs + 100);
    return null;
  }
  const limit = `${burst} ${burst === 1 ? "start" : "starts"} in ${seconds(intervalMs)}`;
  return `one more start of ${name} would exceed its limit (${limit}) and leave it stopped; in ${seconds(waitMs)} it may be started again`;
}

/**
 * systemd counts within an interval that begins with a start and does not tell the count. While fewer starts than the
 * limit lie within any such interval up to now, one more is allowed.
 */
async function freeIn(name: string, { startLimit: { burst, intervalMs }, startedAtMs }: UnitState): Promise<number> {
  const now = Number(process.hrtime.bigint() / 1_000_000n);
  if (startedAtMs + intervalMs <= now) return 0;
  const logged = await startsOf(placeOfService(name));
  // The newest start is known without the journal. Where that does not have it, it does not have the others either.
  const isTold = logged.some((at) => Math.abs(at - startedAtMs) < 1000);
  if (!isTold)
    return burst === 1 || startedAtMs + intervalMs - now <= LIMIT_WAIT_MS ? startedAtMs + intervalMs - now : 0;
  const counted = logged.filter((at) => at + intervalMs > now).sort((a, b) => b - a)[burst - 1];
  return counted === undefined ? 0 : counted + intervalMs - now;
}

/** Instants of the starts that the journal tells of, milliseconds of CLOCK_MONOTONIC. */
async function startsOf({ user, unit }: Place): Promise<readonly number[]> {
  const matches =
    user === null
      ? ["_PID=1", `UNIT=${unit}`]
      : [`_UID=${user.uid}`, `_SYSTEMD_UNIT=user@${user.uid}.service`, `USER_UNIT=${unit}`];
  const ids = STARTS.map((id) => `MESSAGE_ID=${id}`);
  const fields = "--output-fields=INVOCATION_ID,USER_INVOCATION_ID";
  const args = ["--quiet", "--no-pager", "--boot", "--output=json", fields, `--lines=${MOST_ENTRIES}`];
  const { stdout } = await run("journalctl", [...args, ...matches, ...ids], JOURNAL_TIMEOUT_MS);
  return startsIn(stdout);
}

/** Of entries as JSON, one per line: the first of each invocation is its start. */
export function startsIn(text: string): readonly number[] {
  const first = new Map<string, number>();
  for (const line of text.split("\n")) {
    const entry = parsed(line);
    const id = entry.USER_INVOCATION_ID ?? entry.INVOCATION_ID;
    const at = Number(entry.__MONOTONIC_TIMESTAMP) / 1000;
    if (typeof id === "string" && Number.isFinite(at) && !first.has(id)) first.set(id, at);
  }
  return [...first.values()];
}

function parsed(line: string): Readonly<Record<string, unknown>> {
  try {
    const entry: unknown = JSON.parse(line);
    return typeof entry === "object" && entry !== null ? { ...entry } : {};
  } catch (error) {
    if (error instanceof SyntaxError) return {}; // an empty line, or one cut off
    throw error;
  }
}

function seconds(ms: number): string {
  return `${Math.ceil(ms / 1000)} s`;
}

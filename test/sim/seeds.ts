import { type FleetRun, runFleet } from "./fleet-run.ts";
import { runPlain } from "./plain-run.ts";
import { runReboots } from "./reboots-run.ts";

/** What a seed came to, in all that is simulated by it. */
export interface SeedResult {
  readonly seed: number;
  /** Rollouts of all shapes, by the state that they ended in. */
  readonly ends: readonly string[];
  readonly events: number;
  /** Null: every invariant held. */
  readonly broken: Broken | null;
}

export interface Broken {
  /** Which simulation: `plain` (one rollout), `reboots`, `fleet` (several, of all shapes). */
  readonly scenario: string;
  readonly what: string;
  /** What was stored and done until then, the last lines. */
  readonly log: readonly string[];
}

const LAST_LINES = 30;

/** One seed through every simulation, up to the first broken invariant. */
export async function runSeed(seed: number): Promise<SeedResult> {
  const nothing = { seed, ends: [], events: 0 };
  const plain = await caught(async () => (await runPlain(seed)).wrong[0]);
  if (plain !== undefined) return { ...nothing, broken: { scenario: "plain", what: plain, log: [] } };
  const reboots = await caught(async () => (await runReboots(seed)).wrong[0]);
  if (reboots !== undefined) return { ...nothing, broken: { scenario: "reboots", what: reboots, log: [] } };
  let run: FleetRun | null = null;
  const what = await caught(async () => {
    run = await runFleet(seed);
    const [first] = run.violations;
    return first && `${first.invariant}: ${first.what}`;
  });
  const { ends = [], events = 0, log = [] } = (run ?? {}) as Partial<FleetRun>; // null where it threw
  const broken = what === undefined ? null : { scenario: "fleet", what, log: log.slice(-LAST_LINES) };
  return { seed, ends: ends.map(({ state }) => state), events, broken };
}

/** What throws is broken as well. */
async function caught(run: () => Promise<string | undefined>): Promise<string | undefined> {
  try {
    return await run();
  } catch (error) {
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
}

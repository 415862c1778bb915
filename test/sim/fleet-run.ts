import type { Care } from "@afterpatch/controller/rollouts/chores";
import { viewOf } from "@afterpatch/controller/rollouts/stored";
import { DEFAULT_REBOOT, NO_REBOOT } from "@afterpatch/core/plan/reboot";
import type { RolloutView } from "@afterpatch/core/rollout/types";
import { Judge, type Violation } from "./judge.ts";
import { abortAll, approver, meddle } from "./people.ts";
import { seeded } from "./random.ts";
import { drawShape, type SimHost } from "./shapes.ts";
import { drawBoot, drawFaults, drawMachine, trouble } from "./trouble.ts";
import { CALM, World } from "./world.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

export interface FleetRun {
  readonly seed: number;
  readonly violations: readonly Violation[];
  /** One line for each stored event and each effect. */
  readonly log: readonly string[];
  readonly events: number;
  /** State and hosts of every rollout at the end. */
  readonly ends: readonly { readonly state: string; readonly hosts: readonly string[] }[];
  readonly isCaredFor: boolean;
  readonly refused: number;
}

/** Rollouts of several shapes over one fleet, with all that can go wrong, from start to end. The seed decides everything. */
export async function runFleet(seed: number): Promise<FleetRun> {
  const random = seeded(seed);
  const world = new World(random);
  const judge = judgeOf(world);
  const count = random() < 0.15 ? 11 + Math.floor(random() * 4) : 3 + Math.floor(random() * 5);
  await world.enrol(Array.from({ length: count }, () => drawMachine(random)));
  const fleet = world.agents.map(({ hostId }, n) => ({ hostId, zone: `z${n % 3}`, rack: `r${n % 4}` }));
  world.boot = () => drawBoot(random);
  world.care = careOf(world, random);
  world.veto = (hostId) => (random() < 0.02 ? { code: "users-logged-in", message: `on ${hostId}` } : null);
  await world.startController();
  for (const agent of world.agents) agent.start();
  const ids = Array.from({ length: 1 + Math.floor(random() * 3) }, (_, n) => `r${n + 1}`);
  const wanted = ids.map((id) => order(world, random, fleet, id));
  world.faults = drawFaults(random);
  trouble(world, random);
  meddle(world, random, ids);
  for (const id of ids) approver(world, random, id);
  const isIdle = async () => wanted.every((one) => one.isSettled) && (await world.store.open()).length === 0;
  await until(world, isIdle, 4 * HOUR);
  for (const one of wanted) one.isSettled = true;
  for (let n = 0; n < 60 && !(await isIdle()); n += 1) {
    await abortAll(world);
    await until(world, isIdle, 2 * MINUTE);
  }
  world.faults = CALM;
  await world.time.run(() => false, 20 * MINUTE);
  // A crash may just have come.
  await until(world, async () => world.controller !== null, 20 * MINUTE);
  const { views, replayed } = await shown(world);
  judge.end(views, replayed);
  world.close();
  const ends = views.map((view) => ({ state: view.state, hosts: view.hosts.map(({ state }) => state) }));
  const isCaredFor = views.some(({ plan }) => plan.shape?.care !== undefined);
  const refused = wanted.reduce((sum, one) => sum + one.refused, 0);
  const { violations, log, stored: events } = judge;
  return { seed, violations, log, events, ends, isCaredFor, refused };
}

function judgeOf(world: World): Judge {
  const judge = new Judge({
    now: () => world.time.now(),
    isClockTrue: () => !world.wasClockStepped,
    isAway: (hostId) => !world.controller?.isConnected(hostId),
    isCordoned: (hostId) => world.holds.cordons.has(hostId),
    isFrozen: () => world.holds.freeze !== null,
    isTwin: (hostId) => world.twins.has(hostId),
  });
  world.chronicle.judge = judge;
  world.onShown = (view) => judge.shown(view);
  return judge;
}

interface Wanted {
  isSettled: boolean;
  /** So often it was, for hosts of it were another rollout's. */
  refused: number;
}

/** A person wants a rollout over some hosts, and asks for it until it is begun: planned anew each time. */
function order(world: World, random: () => number, fleet: readonly SimHost[], id: string): Wanted {
  const wanted: Wanted = { isSettled: false, refused: 0 };
  const all = fleet.map(({ hostId }) => hostId);
  const hosts = random() < 0.4 ? all : all.filter(() => random() < 0.6);
  if (hosts.length === 0) hosts.push(...all.slice(0, 2));
  const startsInMs = random() < 0.4 ? 0 : random() < 0.6 ? random() * 20 * MINUTE : random() * 2 * HOUR;
  const shape = drawShape(random, hosts, fleet, world.time.now() + startsInMs);
  const reboot =
    random() < 0.4 ? { ...DEFAULT_REBOOT, mode: "when-required" as const, withinMs: 6 * MINUTE } : NO_REBOOT;
  const asked = { ramp: [1], maxFail: Math.floor(random() * 3), hosts, shape, reboot };
  const ask = async (): Promise<void> => {
    if (wanted.isSettled) return;
    world.time.after(2 * MINUTE, () => void ask()); // cut off: the answer never comes
    const plan = await world.plan(id, asked);
    if ((await world.store.byRequest(`request-${id}`)) !== null) wanted.isSettled = true;
    else await world.request(plan).catch(() => (wanted.refused += 1));
  };
  world.time.after(startsInMs, () => void ask());
  return wanted;
}

/** Hooks and checks of the controller: they take their time, and some do not end well. */
function careOf({ time }: World, random: () => number): Care {
  return {
    carryOut: ({ phase }) =>
      new Promise((resolve) => {
        time.after(random() * 40_000, () => {
          const baseline = phase === "checking" ? { failedUnits: [], ports: [] } : null;
          resolve({ why: random() < 0.08 ? `${phase} did not go well` : null, baseline });
        });
      }),
  };
}

async function until(world: World, isDone: () => Promise<boolean>, limitMs: number): Promise<void> {
  let isOver = false;
  let isStopped = false;
  const look = async () => {
    if (isStopped) return;
    isOver = await isDone();
    if (!isOver) world.time.after(20_000, () => void look());
  };
  await look();
  await world.time.run(() => isOver, limitMs);
  isStopped = true;
}

/** What is shown at the end, and what the stored events make of each plan. */
async function shown(world: World): Promise<{ views: RolloutView[]; replayed: RolloutView[] }> {
  const stored = (await world.store.recent(100)).toReversed();
  const replayed = stored.map(viewOf);
  const views = await Promise.all(
    stored.map(async ({ plan }) => (await world.view(plan.id)) ?? viewOf({ plan, events: [] })),
  );
  return { views, replayed };
}

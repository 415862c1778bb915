import { abortOrder } from "@afterpatch/controller/rollouts/orders";
import { DEFAULT_REBOOT, type RebootOrder } from "@afterpatch/core/plan/reboot";
import { isHostRebooted } from "@afterpatch/core/rollout/reboots";
import type { RolloutPlan, RolloutView } from "@afterpatch/core/rollout/types";
import type { FakeHostOptions } from "../fakes/machine.ts";
import { NEW_KERNEL, OLD_KERNEL } from "../fakes/rollout.ts";
import type { Boot } from "./agent.ts";
import { violations } from "./invariants.ts";
import { seeded } from "./random.ts";
import { rebootViolations } from "./reboot-invariants.ts";
import { CALM, type Faults, World } from "./world.ts";

const DAY_MS = 86_400_000;
const MINUTE = 60_000;

export interface RebootsRun {
  readonly wrong: readonly string[];
  readonly views: readonly RolloutView[];
  readonly controllerRuns: number;
  /** Reboots of ours that took a host down. */
  readonly boots: number;
  /** The controller's own host was rebooted, and is done. */
  readonly isOwnDone: boolean;
  /** Why hosts failed, vetoed or did not answer. */
  readonly reasons: readonly string[];
}

/** One or two rollouts that reboot hosts, from start to end under faults; `wrong` is every broken invariant. */
export async function runReboots(seed: number): Promise<RebootsRun> {
  const random = seeded(seed);
  const world = new World(random);
  const count = 2 + Math.floor(random() * 4);
  if (random() < 0.5) world.controllerOn = "host-1";
  await world.enrol(Array.from({ length: count }, (_, index) => machine(random, index === 0)));
  world.boot = bootsOf(world, random);
  for (const { hostId } of world.agents) if (random() < 0.25) world.liars.add(hostId);
  await world.startController();
  for (const agent of world.agents) agent.start();
  const ids = world.agents.map(({ hostId }) => hostId);
  const cut = random() < 0.5 ? count : 1 + Math.floor(random() * (count - 1));
  const plans = [await world.plan("r1", { ...orderOf(random), hosts: ids.slice(0, cut) })];
  if (cut < count) plans.push(await world.plan("r2", { ...orderOf(random), hosts: ids.slice(cut) }));
  world.faults = faultsOf(random);
  disturb(world, random);
  for (const plan of plans) await world.start(plan);
  const isEnded = await untilClosed(world);
  world.faults = CALM;
  await world.time.run(() => false, 60 * MINUTE);
  const wrong = rebootViolations(plans, world.chronicle, !world.wasClockStepped);
  for (const plan of plans) {
    const own = new Set(plan.hosts.map(({ hostId }) => hostId));
    wrong.push(...violations(plan, world.chronicle.only(plan.id, own)));
  }
  if (!isEnded) wrong.unshift("the rollouts did not end within a day");
  const views = await Promise.all(plans.map((plan) => viewOf(world, plan)));
  const { controllerRuns, chronicle } = world;
  world.close();
  const own = views.flatMap((view) =>
    view.hosts.filter(({ hostId }) => hostId === world.controllerOn && isHostRebooted(view.plan, hostId)),
  );
  const reasons = chronicle.events.flatMap(({ event }) =>
    event.type === "ended"
      ? [event.reason]
      : event.type === "vetoed" || event.type === "unreachable"
        ? [event.why]
        : [],
  );
  const isOwnDone = own.some(({ state }) => state === "done");
  return { wrong, views, controllerRuns, boots: chronicle.boots, isOwnDone, reasons };
}

async function viewOf(world: World, { id }: RolloutPlan): Promise<RolloutView> {
  const view = await world.view(id);
  if (!view) throw new Error("no controller at the end");
  return view;
}

function orderOf(random: () => number): { ramp: readonly number[]; maxFail: number; reboot: RebootOrder } {
  const reboot: RebootOrder = {
    ...DEFAULT_REBOOT,
    mode: random() < 0.45 ? "always" : "when-required",
    sessionsFirst: random() < 0.3,
    delayMs: random() < 0.3 ? 30_000 : 0,
    withinMs: 6 * MINUTE,
  };
  return { ramp: random() < 0.4 ? [1] : [1 + Math.floor(random() * 2), 3], maxFail: Math.floor(random() * 3), reboot };
}

function machine(random: () => number, isFirst: boolean): FakeHostOptions {
  const isOld = random() < 0.75;
  const isUnknown = random() < 0.25;
  const kernel = { running: OLD_KERNEL, expected: isUnknown ? null : isOld ? NEW_KERNEL : OLD_KERNEL };
  const command = random() < 0.05 ? "refused" : random() < 0.05 ? "ignored" : null;
  return {
    units: [
      { name: "ssh.service", isOld: random() < 0.5, port: 22 },
      {
        name: "nginx.service",
        isOld: random() < 0.3,
        boot: random() < 0.06 ? "fails" : random() < 0.06 ? "is-old" : "fine",
      },
    ],
    services: [{ name: "imap", old: Math.floor(random() * 3), fresh: 1 }],
    reboots: {
      kernel,
      ...(random() < (isUnknown ? 0.4 : 0.08) && !isFirst
        ? { bootsInto: random() < 0.3 ? OLD_KERNEL : "6.0.0-9-amd64" }
        : {}),
      ...(command === null ? {} : { command }),
      startsForMs: random() < 0.1 ? 20 * MINUTE : random() * 30_000,
    },
  };
}

/** Most hosts are back in a minute or two; some late, some never, and some go down once more. */
function bootsOf(world: World, random: () => number): World["boot"] {
  return (hostId): Boot => {
    const isOwn = hostId === world.controllerOn;
    const fate = random();
    const downMs =
      fate < 0.08 && !isOwn ? null : fate < 0.2 ? (10 + random() * 30) * MINUTE : 15_000 + random() * 120_000;
    return { dyingMs: random() * 8_000, downMs, againAfterMs: random() < 0.1 ? random() * 90_000 : null };
  };
}

function faultsOf(random: () => number): Faults {
  return {
    loss: random() < 0.4 ? random() * 0.1 : 0,
    repeat: random() < 0.3 ? random() * 0.2 : 0,
    cut: random() * 0.04,
    slowestMs: 50 + random() * 3_000,
    controllerCrash: random() < 0.5 ? random() * 0.05 : 0,
    agentCrash: random() < 0.5 ? random() * 0.04 : 0,
    zombie: random() < 0.3 ? random() * 0.2 : 0,
    stray: 0.7,
  };
}

/** Now and then the controller is killed, a host is rebooted by somebody, a reboot is cancelled, or the rollout aborted. */
function disturb(world: World, random: () => number): void {
  const at = () => random() * 10 * MINUTE;
  const someone = () => world.agents[Math.floor(random() * world.agents.length)];
  for (let n = 0; n < 3; n += 1) if (random() < 0.5) world.time.after(at(), () => world.controller?.crash());
  if (random() < 0.3) world.time.after(at(), () => someone()?.crash(random() * 2 * MINUTE));
  if (random() < 0.3) world.time.after(at(), () => someone()?.reboot(20_000 + random() * 200_000));
  if (random() < 0.2) world.time.after(at(), () => stepClock(world, random));
  for (let n = 0; n < 20; n += 1)
    if (random() < 0.2) world.time.after(at(), () => someone()?.host.reboots.cancel("root"));
  const held = random() < 0.2 ? someone() : undefined;
  if (held) {
    held.host.reboots.veto = { code: "scheduled-shutdown", message: "a shutdown is scheduled" };
    world.time.after(at(), () => {
      held.host.reboots.veto = null;
    });
  }
  if (random() < 0.1) {
    world.time.after(
      at(),
      () => void world.controller?.engine.order("r1", abortOrder("sim", "enough")).catch(() => {}),
    ); // it may have ended already
  }
}

/** The clock of the controller's machine is wrong by hours for some minutes. */
function stepClock(world: World, random: () => number): void {
  world.wasClockStepped = true;
  world.clockOff = (random() < 0.5 ? -1 : 1) * Math.round((1 + random() * 5) * 3_600_000);
  world.time.after(MINUTE + random() * 10 * MINUTE, () => {
    world.clockOff = 0;
  });
}

async function untilClosed(world: World): Promise<boolean> {
  let isDone = false;
  const look = async () => {
    isDone = (await world.store.open()).length === 0;
    if (!isDone) world.time.after(5_000, () => void look());
  };
  await look();
  return world.time.run(() => isDone, DAY_MS);
}

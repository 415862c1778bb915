import { abortOrder } from "@afterpatch/controller/rollouts/orders";
import type { Veto } from "@afterpatch/agent/vetoes/rules";
import { isClosed } from "@afterpatch/core/rollout/transitions";
import type { RolloutView } from "@afterpatch/core/rollout/types";
import type { FakeHostOptions } from "../fakes/machine.ts";
import { violations } from "./invariants.ts";
import { seeded } from "./random.ts";
import { CALM, type Faults, World } from "./world.ts";

const DAY_MS = 86_400_000;

export interface PlainRun {
  readonly wrong: readonly string[];
  readonly view: RolloutView;
  readonly controllerRuns: number;
  readonly effects: number;
  readonly oldEpochs: number;
  /** Hosts that vetoed at least once. */
  readonly vetoes: number;
}

/** One rollout from start to end under faults; `wrong` is every broken invariant. */
export async function runPlain(seed: number): Promise<PlainRun> {
  const random = seeded(seed);
  const world = new World(random);
  await world.enrol(Array.from({ length: 2 + Math.floor(random() * 4) }, () => machine(random)));
  await world.startController();
  for (const agent of world.agents) agent.start();
  const ramp = random() < 0.5 ? [1] : [1, 1 + Math.floor(random() * 3)];
  const plan = await world.plan("r1", { ramp, maxFail: Math.floor(random() * 3) });
  world.faults = faultsOf(random);
  world.veto = vetoesOf(world, random);
  await world.start(plan);
  disturb(world, random);
  const isEnded = await untilClosed(world);
  // Whatever is still on its way is let finish in peace, as in life.
  world.faults = CALM;
  await world.time.run(() => false, 900_000);
  const stored = await world.store.load("r1");
  const { chronicle } = world;
  const wrong = violations(plan, chronicle);
  if (JSON.stringify(stored?.events) !== JSON.stringify(chronicle.events.map(({ event }) => event)))
    wrong.push("the store holds other events than were stored");
  if (!isEnded) wrong.unshift("the rollout did not end within a day");
  const view = await world.view("r1");
  if (!view) throw new Error(`seed ${seed}: no controller at the end`);
  wrong.push(...(await untruths(world, view)));
  const { controllerRuns } = world;
  world.close();
  const vetoes = view.hosts.filter((host) => host.vetoes > 0).length;
  return { wrong, view, controllerRuns, vetoes, effects: chronicle.effects.length, oldEpochs: chronicle.oldEpochs };
}

function machine(random: () => number): FakeHostOptions {
  const isOld = random() < 0.8;
  const restart = random() < 0.12 ? "fails-later" : random() < 0.08 && isOld ? "stays-old" : "fine";
  return {
    units: [
      { name: "ssh.service", isOld, restart },
      { name: "nginx.service", isOld: random() < 0.4 },
    ],
    services: [{ name: "imap", old: Math.floor(random() * 3), fresh: 1 }],
    isInitOld: random() < 0.5,
  };
}

function faultsOf(random: () => number): Faults {
  const often = random();
  return {
    loss: often < 0.5 ? 0.02 + random() * 0.1 : 0,
    repeat: often < 0.3 ? random() * 0.2 : 0,
    cut: random() * 0.05,
    slowestMs: 50 + random() * 5_000,
    controllerCrash: random() < 0.6 ? random() * 0.06 : 0,
    agentCrash: random() < 0.6 ? random() * 0.05 : 0,
    zombie: random() < 0.5 ? random() * 0.3 : 0,
    stray: 0.7,
  };
}

const VETOES: readonly Veto["code"][] = ["config", "denied", "window", "transaction", "inhibited", "users-logged-in"];

/** Some hosts hold off what is ordered, for a while or for good; a cap holds off one kind of step alone. */
function vetoesOf(world: World, random: () => number): World["veto"] {
  const rules = world.agents.map(({ hostId }) => {
    const isVetoing = random() < 0.25;
    const from = world.time.now() + (random() < 0.5 ? 0 : random() * 90_000);
    const until = isVetoing ? from + (random() < 0.3 ? DAY_MS : random() * 120_000) : 0;
    const isCap = random() < 0.3;
    const code = isCap ? "cap" : (VETOES[Math.floor(random() * VETOES.length)] ?? "denied");
    return [hostId, { from, until, isCap, veto: { code, message: "the host's own rule" } }] as const;
  });
  const byHost = new Map(rules);
  return (hostId, step) => {
    const rule = byHost.get(hostId);
    const now = world.time.now();
    if (!rule || now < rule.from || now >= rule.until) return null;
    return rule.isCap && step?.kind !== "restart-service" ? null : rule.veto;
  };
}

/** Now and then somebody reboots a host, kills a process, or aborts the rollout. */
function disturb(world: World, random: () => number): void {
  const at = () => random() * 300_000;
  const someone = () => world.agents[Math.floor(random() * world.agents.length)];
  if (random() < 0.3) world.time.after(at(), () => someone()?.reboot(20_000 + random() * 200_000));
  if (random() < 0.5) world.time.after(at(), () => someone()?.crash(random() * 300_000));
  if (random() < 0.7) world.time.after(at(), () => world.controller?.crash());
  if (random() < 0.3) world.time.after(at(), () => stepClock(world, random));
  if (random() < 0.15) {
    world.time.after(at(), () => {
      world.controller?.engine.order("r1", abortOrder("sim", "changed my mind")).catch(() => {}); // it may have ended already
    });
  }
}

/** The clock of the controller's machine is wrong by hours for some minutes. */
function stepClock(world: World, random: () => number): void {
  world.clockOff = (random() < 0.5 ? -1 : 1) * Math.round((1 + random() * 5) * 3_600_000);
  world.time.after(60_000 + random() * 600_000, () => {
    world.clockOff = 0;
  });
}

async function untilClosed(world: World): Promise<boolean> {
  let isDone = false;
  const look = async () => {
    const stored = await world.store.open();
    isDone = stored.length === 0;
    if (!isDone) world.time.after(5_000, () => void look());
  };
  await look();
  return world.time.run(() => isDone, DAY_MS);
}

/** A host that counts as done has none of what its plan would clear; the controller shows what the store holds. */
async function untruths(world: World, view: RolloutView): Promise<string[]> {
  const found: string[] = [];
  if (!isClosed(view.state)) found.push(`shown as ${view.state}`);
  for (const [index, host] of view.hosts.entries()) {
    const left = (await world.agents[index]?.planned()) ?? [];
    if (host.state === "done" && left.length > 0) {
      found.push(`${host.name} is done, and still needs ${left.map((s) => `${s.kind} ${s.target}`).join(", ")}`);
    }
  }
  return found;
}

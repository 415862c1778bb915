import type { FakeHostOptions } from "../fakes/machine.ts";
import { NEW_KERNEL, OLD_KERNEL } from "../fakes/rollout.ts";
import type { Boot } from "./agent.ts";
import type { Faults, World } from "./world.ts";

const MINUTE = 60_000;

/** A host as it may be found: with old code or without, with units that do not come up again, with another kernel. */
export function drawMachine(random: () => number): FakeHostOptions {
  const isOld = random() < 0.85;
  const isKernelOld = random() < 0.4;
  const bootsInto = random() < 0.08 ? { bootsInto: random() < 0.5 ? OLD_KERNEL : "6.0.0-9-amd64" } : {};
  return {
    units: [
      { name: "ssh.service", isOld, restart: random() < 0.1 ? "fails-later" : "fine" },
      { name: "nginx.service", isOld: random() < 0.4, boot: random() < 0.05 ? "fails" : "fine" },
    ],
    services: [{ name: "imap", old: Math.floor(random() * 2), fresh: 1 }],
    reboots: {
      kernel: { running: OLD_KERNEL, expected: isKernelOld ? NEW_KERNEL : OLD_KERNEL },
      ...bootsInto,
      startsForMs: random() < 0.1 ? 20 * MINUTE : random() * 30_000,
    },
  };
}

export function drawFaults(random: () => number): Faults {
  const isQuiet = random() < 0.2;
  const some = (chance: number, most: number) => (!isQuiet && random() < chance ? random() * most : 0);
  return {
    loss: some(0.4, 0.1),
    repeat: some(0.3, 0.2),
    cut: some(0.8, 0.04),
    slowestMs: 50 + some(0.8, 4_000),
    controllerCrash: some(0.5, 0.04),
    agentCrash: some(0.5, 0.04),
    zombie: some(0.3, 0.2),
    stray: 0.7,
  };
}

/** Most hosts are back in a minute or two; some late, some never, and some go down once more. */
export function drawBoot(random: () => number): Boot {
  const fate = random();
  const downMs = fate < 0.08 ? null : fate < 0.15 ? (10 + random() * 30) * MINUTE : 15_000 + random() * 120_000;
  return { dyingMs: random() * 8_000, downMs, againAfterMs: random() < 0.1 ? random() * 90_000 : null };
}

/** What happens to hosts and to the controller beside all rollouts. */
export function trouble(world: World, random: () => number): void {
  const at = () => random() * 60 * MINUTE;
  const someone = () => world.agents[Math.floor(random() * world.agents.length)];
  const times = (most: number, chance: number, what: () => void) => {
    for (let n = 0; n < most; n += 1) if (random() < chance) world.time.after(at(), what);
  };
  times(3, 0.3, () => world.controller?.crash());
  times(3, 0.3, () => someone()?.crash(random() * 5 * MINUTE));
  times(2, 0.3, () => someone()?.reboot(20_000 + random() * 400_000));
  times(2, 0.25, () => flap(world, random, someone()?.hostId ?? ""));
  times(1, 0.1, () => stepClock(world, random));
  times(2, 0.2, () => part(world, random));
  if (random() < 0.1) {
    const host = someone();
    if (host) {
      world.twins.add(host.hostId);
      world.time.after(at(), () => {
        const twin = world.twin(host.hostId, drawMachine(random));
        // Somebody notices, and switches it off: the two throw each other out without end.
        world.time.after((1 + random() * 10) * MINUTE, () => twin.reboot(365 * 86_400_000));
      });
    }
  }
}

/** Connects and goes, again and again. */
function flap(world: World, random: () => number, hostId: string): void {
  const until = world.time.now() + random() * 15 * MINUTE;
  const cut = () => {
    world.cut(hostId);
    if (world.time.now() < until) world.time.after(500 + random() * 20_000, cut);
  };
  cut();
}

/** Some hosts and the controller do not reach each other for a while. */
function part(world: World, random: () => number): void {
  const hosts = world.agents.map(({ hostId }) => hostId).filter(() => random() < 0.4);
  for (const hostId of hosts) {
    world.apart.add(hostId);
    world.cut(hostId);
  }
  world.time.after(random() * 20 * MINUTE, () => {
    for (const hostId of hosts) world.apart.delete(hostId);
  });
}

/** The clock of the controller's machine is wrong by hours for some minutes. */
function stepClock(world: World, random: () => number): void {
  world.wasClockStepped = true;
  world.clockOff = (random() < 0.5 ? -1 : 1) * Math.round((1 + random() * 5) * 3_600_000);
  world.time.after(MINUTE + random() * 10 * MINUTE, () => {
    world.clockOff = 0;
  });
}

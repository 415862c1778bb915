import { abortOrder, approveOrder, pauseOrder, resumeOrder } from "@afterpatch/controller/rollouts/orders";
import type { Hold } from "@afterpatch/core/rollout/holds";
import type { World } from "./world.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** Whoever has to approve of a rollout looks now and then: soon, late, or never before somebody has had enough of it. */
export function approver(world: World, random: () => number, rolloutId: string): void {
  const everyMs = random() < 0.7 ? (1 + random() * 8) * MINUTE : (1 + random() * 3) * HOUR;
  const isNever = random() < 0.15;
  const look = () => {
    if (!isNever) order(world, rolloutId, approveOrder("ann", ""));
    world.time.after(everyMs, look);
  };
  world.time.after(everyMs, look);
}

/** Persons pause, resume, write off, cordon, freeze and abort as they like. */
export function meddle(world: World, random: () => number, rolloutIds: readonly string[]): void {
  const some = <T>(of: readonly T[]): T | undefined => of[Math.floor(random() * of.length)];
  const at = () => random() * HOUR;
  for (const id of rolloutIds) {
    if (random() < 0.3) {
      const from = at();
      world.time.after(from, () => order(world, id, pauseOrder("bob", "lunch")));
      world.time.after(from + random() * 40 * MINUTE, () => order(world, id, resumeOrder("bob")));
    }
    if (random() < 0.08) world.time.after(at(), () => order(world, id, abortOrder("bob", "changed my mind")));
  }
  for (let n = 0; n < 3; n += 1) {
    if (random() < 0.3) world.time.after(at(), () => writeOff(world, some(world.agents)?.hostId ?? ""));
  }
  if (random() < 0.25) {
    const hostId = some(world.agents)?.hostId ?? "";
    const from = at();
    world.time.after(from, () => cordon(world, hostId, true));
    world.time.after(from + random() * HOUR, () => cordon(world, hostId, false));
  }
  if (random() < 0.1) {
    const from = at();
    world.time.after(from, () => freeze(world, true));
    world.time.after(from + random() * HOUR, () => freeze(world, false));
  }
}

/** Enough of all that is open. */
export async function abortAll(world: World): Promise<void> {
  for (const { plan } of await world.store.open()) order(world, plan.id, abortOrder("bob", "enough"));
}

/** It may have ended already, or there may be no controller just now: persons live with that. */
function order(world: World, id: string, what: Parameters<NonNullable<World["controller"]>["engine"]["order"]>[1]) {
  world.controller?.engine.order(id, what).catch(() => {});
}

function writeOff(world: World, id: string): void {
  world.controller?.engine.writeOff({ id, name: id, actor: "bob", why: "gone" }).catch(() => {});
}

function hold(world: World): Hold {
  return { actor: "bob", reason: "disk swap", since: world.time.now(), until: null };
}

function cordon(world: World, hostId: string, isHeld: boolean): void {
  const cordons = new Map(world.holds.cordons);
  if (isHeld) cordons.set(hostId, hold(world));
  else cordons.delete(hostId);
  amid(world, () => {
    world.holds = { ...world.holds, cordons };
  });
}

function freeze(world: World, isHeld: boolean): void {
  amid(world, () => {
    world.holds = { ...world.holds, freeze: isHeld ? hold(world) : null };
  });
}

/** As the controller changes its register: with no permit in between. */
function amid(world: World, change: () => void): void {
  if (world.controller) world.controller.engine.amid(async () => change()).catch(() => {});
  else change();
}

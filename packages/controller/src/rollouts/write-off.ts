import { isInCare } from "@afterpatch/core/rollout/care";
import { isClosed, isInFlight } from "@afterpatch/core/rollout/transitions";
import type { RolloutEvent } from "@afterpatch/core/rollout/event";
import type { RolloutView } from "@afterpatch/core/rollout/types";
import type { Fleet } from "../fleet/fleet.ts";
import type { Clock } from "../ports.ts";
import type { RolloutStore } from "../store/rollout-store.ts";
import type { ChargeRegister } from "./charge-register.ts";
import { RolloutError } from "./held.ts";
import { viewOf } from "./stored.ts";

export interface WrittenOffHost {
  readonly id: string;
  readonly name: string;
  readonly actor: string;
  readonly why: string;
}

export interface WrittenOff {
  /** In whose logs it stands. */
  readonly rollouts: readonly string[];
  /** Why it was charged, one sentence each. */
  readonly was: readonly string[];
}

interface Work {
  readonly deps: { readonly store: RolloutStore; readonly fleet: Fleet; readonly clock: Clock };
  readonly open: readonly RolloutView[];
  readonly register: ChargeRegister;
  readonly append: (view: RolloutView, event: RolloutEvent) => Promise<RolloutView>;
}

/** How far back a rollout is looked for in which a host that is away was left. */
const LOOKED_BACK = 50;

/** To be called where no permit can be issued meanwhile. */
export async function writeOff(host: WrittenOffHost, work: Work): Promise<WrittenOff> {
  const { deps, open, register } = work;
  const isAway = !deps.fleet.isConnected(host.id);
  const charge = register.charges.get(host.id);
  for (const view of open) refuseInHand(view, host, isAway);
  if (register.writeOffs.has(host.id)) throw new RolloutError("not-charged", `${host.name} is written off already`);
  const ended = isAway || charge ? await endedWith(host.id, charge?.rolloutId ?? null, work) : null;
  const views = [...open, ...(ended ? [ended] : [])].filter((view) => isLeft(view, host.id, isAway));
  if (views.length === 0 && !isAway && !charge) {
    throw new RolloutError("not-charged", `${host.name} is connected, and neither failed nor lost in any rollout`);
  }
  const was = [
    ...(isAway ? ["not connected"] : []),
    ...(charge ? [`rollout ${charge.rolloutId}: ${charge.why}`] : []),
    ...views.flatMap(({ plan, hosts }) =>
      hosts.flatMap(({ hostId, state }) =>
        hostId === host.id && plan.id !== charge?.rolloutId ? [`rollout ${plan.id}: ${state}`] : [],
      ),
    ),
  ];
  for (const view of views) await leave(view, host, work);
  if (!register.writeOffs.has(host.id)) await outsideOfRollouts(host, charge?.rolloutId ?? null, work);
  return { rollouts: views.map(({ plan }) => plan.id), was };
}

/** In hand and connected it comes to its end by itself, and may be acting. */
function refuseInHand({ plan, hosts }: RolloutView, { id, name }: WrittenOffHost, isAway: boolean): void {
  const host = hosts.find(({ hostId }) => hostId === id);
  if (!host || !isInFlight(host.state)) return;
  const { state } = host;
  if (isInCare(host)) throw new RolloutError("in-hand", `${name}: rollout ${plan.id} is at work on it (${state})`);
  if (!isAway) throw new RolloutError("in-hand", `${name} is connected and in hand of rollout ${plan.id} (${state})`);
}

/** Failed or silent there, or awaited while it is away. */
function isLeft({ state, hosts }: RolloutView, hostId: string, isAway: boolean): boolean {
  const host = hosts.find((each) => each.hostId === hostId);
  // One that waits in the queue is planned anew before it begins.
  if (!host || state === "planned") return false;
  if (host.state === "failed" || host.state === "unreachable") return true;
  if (isClosed(state) || !isAway) return false;
  return host.state === "pending" || host.state === "vetoed" || isInFlight(host.state);
}

/** The rollout that has ended and in which it failed or was lost. */
async function endedWith(hostId: string, rolloutId: string | null, { deps, open }: Work): Promise<RolloutView | null> {
  if (open.some(({ plan }) => plan.id === rolloutId)) return null;
  if (rolloutId !== null) {
    const stored = await deps.store.load(rolloutId);
    return stored && viewOf(stored);
  }
  const views = (await deps.store.recent(LOOKED_BACK)).map(viewOf);
  return views.find(({ state, hosts }) => isClosed(state) && hosts.some((host) => host.hostId === hostId)) ?? null;
}

async function leave(view: RolloutView, { id: hostId, actor, why }: WrittenOffHost, { deps, append }: Work) {
  const at = deps.clock.now();
  const isInHand = view.hosts.some((host) => host.hostId === hostId && isInFlight(host.state));
  const silent = { type: "unreachable", at, hostId, why: "not connected, and written off" } as const;
  const left = isInHand ? await append(view, silent) : view;
  await append(left, { type: "written-off", at, hostId, actor, why });
}

/** It is away without having been lost, or its rollout was removed from the store. */
async function outsideOfRollouts({ id, actor, why }: WrittenOffHost, rolloutId: string | null, work: Work) {
  const { deps, register } = work;
  const writeOff = { hostId: id, rolloutId, actor, reason: why, since: deps.clock.now() };
  const change = { kind: "write-off", writeOff } as const;
  await deps.store.change(change);
  register.note(change);
}

import { formatDuration } from "@afterpatch/core/duration";
import type { Hold } from "@afterpatch/core/rollout/holds";
import { isInFlight } from "@afterpatch/core/rollout/transitions";
import type { RolloutView } from "@afterpatch/core/rollout/types";
import { type Handlers, unary } from "@afterpatch/wire/rpc";
import type { controlService } from "@afterpatch/wire/services";
import type { HoldRegister } from "../fleet/holds.ts";
import type { Clock, Log } from "../ports.ts";
import type { RolloutEngine } from "../rollouts/engine.ts";
import { user } from "../store/audit.ts";
import type { Hosts } from "../store/hosts.ts";
import { nameOf, selected } from "./asked.ts";
import { refused } from "./refuse.ts";

export interface HoldApiDeps {
  readonly hosts: Hosts;
  readonly register: HoldRegister;
  readonly engine: RolloutEngine;
  readonly clock: Clock;
  readonly log: Log;
}

type Control = Handlers<typeof controlService>;
type Where = Parameters<typeof selected>[2];
export type HoldCalls = "cordonHosts" | "uncordonHosts" | "freezeFleet" | "thawFleet" | "getFreeze";

/** What holds hosts back, and what lets them go again. */
export function holdHandlers(deps: HoldApiDeps): Pick<Control, HoldCalls> {
  return {
    cordonHosts: unary(({ pattern, order, scope }, call) =>
      cordon(deps, pattern, orderOf(order, nameOf(call), deps.clock), scope),
    ),
    uncordonHosts: unary(({ pattern, scope }, call) => uncordon(deps, pattern, nameOf(call), scope)),
    freezeFleet: unary((order, call) => setFreeze(deps, orderOf(order, nameOf(call), deps.clock), nameOf(call))),
    thawFleet: unary((_, call) => setFreeze(deps, null, nameOf(call))),
    getFreeze: unary(async () => frozen(deps, null)),
  };
}

/** Keeps these hosts out of every rollout. When this has ended, no permit is on its way to one that was not in hand. */
export async function cordon(deps: HoldApiDeps, pattern: string, hold: Hold, scope?: Where) {
  const { register, engine, log } = deps;
  const { hosts, reached } = await selected(deps, given(pattern), scope);
  const ids = hosts.map(({ id }) => id);
  return engine.amid(async () => {
    const before = register.now().cordons;
    await register.cordon(ids, hold);
    log.info({ hosts: hosts.map(({ name }) => name), ...hold }, "hosts cordoned");
    return { hosts: hosts.map((host) => told(deps, host, before.get(host.id))), reached };
  });
}

/** Lets them go again. One that is not cordoned stays as it is. */
export async function uncordon(deps: HoldApiDeps, pattern: string, actor: string, scope?: Where) {
  const { register, engine, clock, log } = deps;
  const { hosts, reached } = await selected(deps, given(pattern), scope);
  return engine.amid(async () => {
    const before = register.now().cordons;
    const by = { actor: user(actor), at: clock.now() };
    await register.uncordon(
      hosts.map(({ id }) => id),
      by,
    );
    log.info({ hosts: hosts.map(({ name }) => name), actor }, "hosts uncordoned");
    return { hosts: hosts.map((host) => told(deps, host, before.get(host.id))), reached };
  });
}

/** Null: thaws. */
export function setFreeze(deps: HoldApiDeps, hold: Hold | null, actor: string) {
  const { register, engine, clock, log } = deps;
  return engine.amid(async () => {
    const before = register.now().freeze;
    await register.setFreeze(hold, { actor: user(actor), at: clock.now() });
    log.info({ actor, ...hold }, hold === null ? "fleet thawed" : "fleet frozen");
    return frozen(deps, before);
  });
}

function frozen({ register, engine }: HoldApiDeps, before: Hold | null) {
  const { freeze } = register.now();
  const open = engine.open();
  return {
    freeze: freeze && holdToWire(freeze),
    before: before && holdToWire(before),
    openRollouts: open.map(({ plan }) => plan.id),
    inHand: open.flatMap(({ hosts }) => hosts.filter(({ state }) => isInFlight(state)).map(({ name }) => name)),
  };
}

function told({ register, engine }: HoldApiDeps, { id, name }: { id: string; name: string }, before: Hold | undefined) {
  const cordon = register.now().cordons.get(id);
  const isBusy = ({ hosts }: RolloutView) => hosts.some(({ hostId, state }) => hostId === id && isInFlight(state));
  return {
    name,
    cordon: cordon ? holdToWire(cordon) : null,
    before: before ? holdToWire(before) : null,
    inHandOf: engine.open().find(isBusy)?.plan.id ?? "",
  };
}

/** Nobody means the whole fleet who says nothing. */
function given(pattern: string): string {
  if (pattern.trim() === "") throw refused("bad-argument", "the pattern is empty; write 'all' for every host");
  return pattern;
}

const LONGEST_MS = 3650 * 86_400_000;

type Order = Parameters<Control["freezeFleet"]>[0]["request"];

/** What somebody orders from now on, by the controller's clock. */
export function orderOf(order: Order | null | undefined, actor: string, { now }: Pick<Clock, "now">): Hold {
  const since = now();
  const reason = reasonOf(order?.reason ?? "");
  const { untilAt, forMs } = order ?? { untilAt: 0, forMs: 0 };
  if (untilAt !== 0 && forMs !== 0) throw refused("bad-argument", "an end is an instant or a time from now, not both");
  if (untilAt === 0 && forMs === 0) return { actor, reason, since, until: null };
  const until = untilAt === 0 ? since + forMs : untilAt;
  if (until <= since) throw refused("bad-argument", "its end has passed already, by the controller's clock");
  if (until - since > LONGEST_MS)
    throw refused("bad-argument", `it ends in more than ${formatDuration(LONGEST_MS)}; leave the end out`);
  return { actor, reason, since, until };
}

/** A reason that people will read. */
export function reasonOf(reason: string): string {
  if (reason.trim() === "") throw refused("bad-argument", "a reason is missing; say why, for those who come after you");
  if (reason.length > 1000) throw refused("bad-argument", "a reason has at most 1000 characters");
  return reason;
}

export function holdToWire({ actor, reason, since, until }: Hold) {
  return { actor, reason, since, until: until ?? 0 };
}

import { echoed } from "@afterpatch/core/text";
import { type Handlers, unary } from "@afterpatch/wire/rpc";
import type { controlService } from "@afterpatch/wire/services";
import type { Log } from "../ports.ts";
import type { ChargeRegister } from "../rollouts/charge-register.ts";
import type { RolloutEngine } from "../rollouts/engine.ts";
import type { Host, Hosts } from "../store/hosts.ts";
import { nameOf, selected } from "./asked.ts";
import { reasonOf } from "./holds.ts";
import { refused, refusing } from "./refuse.ts";

export interface ChargeApiDeps {
  readonly hosts: Hosts;
  readonly engine: RolloutEngine;
  readonly log: Log;
}

type Control = Handlers<typeof controlService>;
type Where = Parameters<typeof selected>[2];
export type ChargeCalls = "writeOffHost";

/** What counts hosts as unavailable, and ends that. */
export function chargeHandlers(deps: ChargeApiDeps): Pick<Control, ChargeCalls> {
  return { writeOffHost: unary(({ host, reason, scope }, call) => writeOff(deps, host, reason, nameOf(call), scope)) };
}

/** Of one host alone: many are written off one by one, by somebody who looked at each. */
export async function writeOff(
  { hosts, engine, log }: ChargeApiDeps,
  pattern: string,
  why: string,
  actor: string,
  scope?: Where,
) {
  const reason = reasonOf(why);
  const { id, name } = await oneHost(hosts, pattern, scope);
  const { rollouts, was } = await refusing(() => engine.writeOff({ id, name, actor, why: reason }));
  log.info({ host: name, actor, reason, was }, "host written off");
  return { name, rollouts: [...rollouts], was: [...was] };
}

/** The one host that a pattern names. */
export async function oneHost(hosts: Hosts, pattern: string, scope?: Where): Promise<Host> {
  if (pattern.trim() === "") throw refused("bad-argument", "no host is named; write its name");
  const asked = await selected({ hosts }, pattern, scope);
  const [host, ...others] = asked.hosts;
  const [absent] = asked.reached?.notEnrolled ?? [];
  if (!host && absent !== undefined)
    throw refused("selection-empty", `${echoed(absent)} is in the inventory, and no host of that name is enrolled`);
  if (!host || others.length > 0)
    throw refused("bad-argument", `${echoed(pattern)} names ${others.length + 1} hosts; write the name of one`);
  return host;
}

/** What status says of one host's charges. */
export function chargesToWire({ charges, writeOffs }: Pick<ChargeRegister, "charges" | "writeOffs">, hostId: string) {
  const charge = charges.get(hostId);
  const writtenOff = writeOffs.get(hostId);
  return {
    charge: charge ? { rolloutId: charge.rolloutId, since: charge.since, why: charge.why } : null,
    writtenOff: writtenOff
      ? { actor: writtenOff.actor, reason: writtenOff.reason, since: writtenOff.since, until: 0 }
      : null,
  };
}

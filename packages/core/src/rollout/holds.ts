import { instantText } from "../policy/window.ts";
import { someOf } from "../text.ts";
import { expectedMs } from "./expected.ts";
import { type Closed, closedAt } from "./hours.ts";
import type { FleetView, Next, Times } from "./next.ts";
import type { HostInRollout, RolloutView } from "./types.ts";

// What people hold back whatever rollouts say: single hosts (a cordon) or the whole fleet (a freeze). What is in hand
// finishes; nothing that is held begins.

/** Instants are epoch milliseconds of the controller's wall clock. */
export interface Hold {
  readonly actor: string;
  readonly reason: string;
  readonly since: number;
  /** It ends by itself then; null: when somebody ends it. */
  readonly until: number | null;
}

/** Those in effect at a moment. */
export interface Holds {
  /** By host id. */
  readonly cordons: ReadonlyMap<string, Hold>;
  readonly freeze: Hold | null;
}

const LONGEST_LOOK_MS = 60_000;

export const NO_HOLDS: Holds = { cordons: new Map(), freeze: null };

/** `by alice: disk swap (until tue 2026-12-01 08:00 UTC)` */
export function holdText({ actor, reason, until }: Hold): string {
  return `by ${actor}: ${reason}${until === null ? "" : ` (until ${instantText(until, "UTC")})`}`;
}

/** Why no host of a rollout may begin now: the fleet is frozen, or the rollout's own hours. */
export function shutAt(view: RolloutView, { holds: { freeze }, wall }: FleetView): Closed | null {
  if (freeze !== null) return { kind: "freeze", why: `fleet freeze ${holdText(freeze)}`, opensAt: freeze.until };
  return view.plan.shape ? closedAt(view.plan.shape.hours, wall, expectedMs(view)) : null;
}

/** What is said of a frozen fleet while something is in hand. */
export function freezeWaits({ holds: { freeze } }: FleetView): readonly string[] {
  return freeze === null ? [] : [`fleet freeze ${holdText(freeze)}`];
}

/** When to ask again whether hosts may begin. Clocks are stepped: what the wall clock says is asked now and then. */
export function askedAgainAt({ opensAt }: Closed, { wall }: FleetView, now: number): number {
  const inMs = opensAt === null ? LONGEST_LOOK_MS : Math.min(opensAt - wall, LONGEST_LOOK_MS);
  return now + Math.max(inMs, 0);
}

export function isCordoned({ hostId }: HostInRollout, { holds }: FleetView): boolean {
  return holds.cordons.has(hostId);
}

/** What is said of hosts that wait for the end of their cordons. */
export function cordonWaits(hosts: readonly HostInRollout[], { holds }: FleetView): readonly string[] {
  const said = hosts.flatMap(({ hostId, name }) => {
    const hold = holds.cordons.get(hostId);
    return hold ? [`${name} ${holdText(hold)}`] : [];
  });
  return said.length === 0 ? [] : [`cordoned: ${someOf(said)}`];
}

/** The same, looked at again when the first cordon of these hosts ends by itself. */
export function untilCordonsEnd(
  next: Next,
  hosts: readonly HostInRollout[],
  { holds, wall }: FleetView,
  { now }: Times,
): Next {
  const ends = hosts.flatMap(({ hostId }) => holds.cordons.get(hostId)?.until ?? []);
  if (ends.length === 0) return next;
  const endAt = now + Math.max(0, Math.min(Math.min(...ends) - wall, LONGEST_LOOK_MS));
  return { ...next, wakeAt: next.wakeAt === null ? endAt : Math.min(next.wakeAt, endAt) };
}

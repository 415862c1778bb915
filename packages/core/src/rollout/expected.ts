import { isRebooted } from "./reboots.ts";
import { isAtRest } from "./transitions.ts";
import type { HostInRollout, RolloutView } from "./types.ts";

/** Before any host has ended. */
export const FIRST_GUESS_MS = 5 * 60_000;

/**
 * How long a host is in hand, by the longest so far; before one has ended a guess, with the time that people are given
 * before a reboot and that it is watched after. Milliseconds.
 */
export function expectedMs(view: RolloutView): number {
  const { plan } = view;
  const reboots = plan.hosts.some(isRebooted) ? plan.reboot.delayMs + plan.reboot.settleMs : 0;
  const took = view.hosts.flatMap(({ permit, state, changedAt }) =>
    permit !== null && isAtRest(state) && !isLostState(state) ? [changedAt - permit.at] : [],
  );
  return took.length === 0 ? FIRST_GUESS_MS + reboots : Math.max(...took);
}

function isLostState(state: HostInRollout["state"]): boolean {
  return state === "unreachable" || state === "written-off";
}

import type { PlanFleetResponse } from "../connection.ts";
import type { Shell } from "../shell.ts";

/** Hosts of a selection that may be coming back still after the start of the controller. */
export interface ComingBackDocument {
  readonly hosts: number;
  readonly selected: number;
  readonly startedMsAgo: number;
}

export function comingBackDocument(comingBack: PlanFleetResponse["comingBack"]): ComingBackDocument | null {
  if (!comingBack) return null;
  const { hosts, selected, startedMsAgo } = comingBack;
  return { hosts, selected, startedMsAgo };
}

/** Tells people, and those who read logs of pipelines, that asking again soon tells more. */
export function tellComingBack(comingBack: ComingBackDocument | null, shell: Shell): void {
  if (!comingBack) return;
  const { hosts, selected, startedMsAgo } = comingBack;
  const have = selected === 1 ? "host has" : "hosts have";
  const since = `since the controller started ${Math.round(startedMsAgo / 1000)} s ago`;
  shell.err(`afterpatch: note: ${hosts} of ${selected} ${have} not come back yet ${since}; ask again in a minute\n`);
}

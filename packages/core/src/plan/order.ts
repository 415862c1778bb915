import { REMEDIES, type RemedyKind } from "../scan.ts";

/** The agent's own service. Its restart ends whoever is restarting it, so it comes after everything else. */
export const AGENT_UNIT = "afterpatch-agent.service";
/** Of its init script, where systemd is not PID 1. */
const AGENT_SCRIPT = "afterpatch-agent";

interface Placed {
  readonly kind: RemedyKind;
  readonly target: string;
  /** Targets that are restarted along with this one. */
  readonly takesAlong: readonly string[];
  /** The service whose restart comes first, or null. */
  readonly after: string | null;
}

/**
 * The order in which steps are taken: smallest remedy first; among services one that takes others along before those, so
 * that what it replaced on the way is found clean and is not restarted a second time; sessions that a service would make
 * anew after that service; else by name; the agent last.
 */
export function inOrder<T>(steps: readonly T[], placeOf: (step: T) => Placed): readonly T[] {
  const places = new Map(steps.map((step) => [step, placeOf(step)]));
  const sorted = steps.toSorted((a, b) => compare(placeOf(a), placeOf(b)));
  const ordered: T[] = [];
  const remaining = new Set(sorted);
  while (remaining.size > 0) {
    const next = [...remaining].find((step) => !isLater(step, remaining, places)) ?? [...remaining][0];
    if (next === undefined) break;
    remaining.delete(next);
    ordered.push(next);
  }
  return ordered;
}

/** Something that is still to come takes it along, or has to come first. Two that take each other along keep their order. */
function isLater<T>(step: T, remaining: ReadonlySet<T>, places: ReadonlyMap<T, Placed>): boolean {
  const place = places.get(step);
  return [...remaining].some((other) => {
    const by = places.get(other);
    if (!place || other === step || by?.kind !== "restart-service") return false;
    if (place.kind !== "restart-service") return by.target === place.after;
    return by.takesAlong.includes(place.target) && !place.takesAlong.includes(by.target);
  });
}

function compare(a: Placed, b: Placed): number {
  const last = Number(isAgent(a)) - Number(isAgent(b));
  if (last !== 0) return last;
  const size = REMEDIES.indexOf(a.kind) - REMEDIES.indexOf(b.kind);
  if (size !== 0) return size;
  return a.target < b.target ? -1 : a.target > b.target ? 1 : 0;
}

function isAgent({ kind, target }: Placed): boolean {
  return kind === "restart-service" && isAgentService(target);
}

/** By the name of its unit or of its script. */
export function isAgentService(name: string): boolean {
  return name === AGENT_UNIT || name === AGENT_SCRIPT;
}

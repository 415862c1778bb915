import { type NothingSelected, type Selectable, type Selection, select } from "../fleet/select.ts";
import { resolveRamp } from "../fleet/ramp.ts";
import type { WaveSpec } from "../rollout-file/spec.ts";

/** What waves are made of. `id` is the host's identity. */
export interface WaveHost extends Selectable {
  readonly id: string;
  readonly os: string;
  readonly kernel: string;
}

/** One wave, frozen with its plan. */
export interface Wave {
  readonly name: string;
  /** In the order in which they are permitted. */
  readonly hostIds: readonly string[];
  /** Batch sizes as integers, the last repeats; never empty, each at least 1. */
  readonly ramp: readonly number[];
  /** `batch`: all of a batch are at rest before the next begins. `slide`: so within the last entry of the ramp alone. */
  readonly mode: "slide" | "batch";
  /** Names of waves that have to have ended, with their bake and their approval. */
  readonly after: readonly string[];
  readonly bakeMs: number;
  /** Somebody has to let those after it begin. */
  readonly isApproved: boolean;
  /** It is not the author of the rollout. Absent: it is anybody who may. */
  readonly isBySecondPerson?: boolean;
  /** The host for which this check of its own succeeds is taken last; null: none. */
  readonly leaderLast: string | null;
}

export type Waves =
  | {
      readonly kind: "waves";
      readonly waves: readonly Wave[];
      /** Selected, and in no wave. */
      readonly left: readonly string[];
    }
  | { readonly kind: "nothing"; readonly wave: string; readonly why: NothingSelected };

/**
 * Hosts of a selection in their waves: each in the first one that names it. A pattern of a wave is over the whole fleet,
 * so that a term that matches nothing is an error, and takes those of the selection.
 */
export function wavesOf(
  specs: readonly WaveSpec[],
  selected: readonly WaveHost[],
  fleet: readonly WaveHost[],
  isWorking: (hostId: string) => boolean,
  inFleet: (pattern: string) => Selection<WaveHost> = (pattern) => select(pattern, fleet),
): Waves {
  const remaining = new Map(selected.map((host) => [host.id, host]));
  const waves: Wave[] = [];
  for (const spec of specs) {
    const selection = spec.select === null ? null : inFleet(spec.select);
    if (selection !== null && selection.kind !== "selected") {
      return { kind: "nothing", wave: spec.name, why: selection };
    }
    const named = selection === null ? [...remaining.values()] : selection.hosts.filter(({ id }) => remaining.has(id));
    const hosts = inOrder(picked(named, spec.pick, isWorking), spec.by);
    for (const { id } of hosts) remaining.delete(id);
    const { name, mode, after, bakeMs, isApproved, isBySecondPerson, leaderLast } = spec;
    const second = isBySecondPerson ? { isBySecondPerson } : {};
    const working = hosts.filter(({ id }) => isWorking(id)).length;
    const hostIds = hosts.map(({ id }) => id);
    const ramp = resolveRamp(spec.ramp, Math.max(1, working));
    waves.push({ name, hostIds, ramp, mode, after, bakeMs, isApproved, ...second, leaderLast });
  }
  return { kind: "waves", waves, left: [...remaining.keys()] };
}

/** A few hosts that stand for the rest: those that have work first, for the others show nothing. */
function picked(
  hosts: readonly WaveHost[],
  pick: WaveSpec["pick"],
  isWorking: (hostId: string) => boolean,
): readonly WaveHost[] {
  if (pick === null) return hosts;
  const groups = groupedBy(hosts, (host) => JSON.stringify(pick.per.map((key) => labelOf(host, key))));
  const chosen = new Set(
    [...groups.values()].flatMap((group) =>
      group.toSorted((a, b) => Number(isWorking(b.id)) - Number(isWorking(a.id))).slice(0, pick.count),
    ),
  );
  return hosts.filter((host) => chosen.has(host));
}

/** One group after another, the smallest first, and by name where they are of one size. */
function inOrder(hosts: readonly WaveHost[], by: readonly string[]): readonly WaveHost[] {
  if (by.length === 0) return hosts;
  const groups = [...groupedBy(hosts, (host) => JSON.stringify(by.map((key) => labelOf(host, key))))];
  return groups
    .toSorted(([a, as], [b, bs]) => as.length - bs.length || (a < b ? -1 : a > b ? 1 : 0))
    .flatMap(([, group]) => group);
}

/** A label, or what the host says of itself; null where it has none. */
function labelOf(host: WaveHost, key: string): string | null {
  return host.labels[key] ?? (key === "os" ? host.os : key === "kernel" ? host.kernel : null);
}

function groupedBy<T>(items: readonly T[], keyOf: (item: T) => string): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group) group.push(item);
    else groups.set(keyOf(item), [item]);
  }
  return groups;
}

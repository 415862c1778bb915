import type { Baseline } from "@afterpatch/core/rollout/care";
import { abridged, someOf, visible } from "@afterpatch/core/text";

const LONGEST_NAME = 200;

/** What has failed or is gone since the host was touched, or null. */
export function differences(
  before: Baseline | null,
  now: Baseline,
  { units, ports }: { readonly units: boolean; readonly ports: boolean },
): string | null {
  if (before === null) return "nobody noted what it was like before";
  const failed = units ? now.failedUnits.filter((unit) => !before.failedUnits.includes(unit)) : [];
  const gone = ports ? before.ports.filter((port) => !now.ports.includes(port)) : [];
  const words = [
    ...(failed.length > 0 ? [`failed since: ${shown(failed)}`] : []),
    ...(gone.length > 0 ? [`nothing listens any more on ${shown(gone)}`] : []),
  ];
  return words.length > 0 ? words.join("; ") : null;
}

function shown(names: readonly string[]): string {
  return someOf(names.map((name) => visible(abridged(name, LONGEST_NAME))));
}

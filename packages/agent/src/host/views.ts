import type { Place } from "./processes.ts";
import { codeOf, readLink } from "./read.ts";
import { type View, viewOf } from "./view.ts";

/** How to reach the files of each place, or null where no process leads there any more. */
export function viewsOf(places: readonly Place[]): ReadonlyMap<Place, View | null> {
  const own = readLink("/proc/self/ns/mnt");
  return new Map(places.map((place) => [place, viewOfPlace(place, places, own)]));
}

function viewOfPlace(place: Place, places: readonly Place[], own: string): View | null {
  const root = place.root === "/" ? "" : place.root;
  // maps prints a path from the reader's root on: it already contains the root of a chrooted process.
  if (place.mountNamespace === own) return viewOf({ prefix: "", above: "", root }, "/proc/self/mountinfo");
  // In another namespace it begins at that namespace's root, which a process there that is not chrooted leads to.
  const whole = places.find(({ mountNamespace, root: at }) => mountNamespace === place.mountNamespace && at === "/");
  return whole ? throughOne(whole, { above: "", root }) : throughOne(place, { above: root, root: "" });
}

function throughOne({ tasks }: Place, at: { readonly above: string; readonly root: string }): View | null {
  for (const { proc } of tasks) {
    try {
      return viewOf({ prefix: `${proc}/root`, ...at }, `${proc}/mountinfo`);
    } catch (error) {
      codeOf(error); // it ended: the next one
    }
  }
  return null;
}

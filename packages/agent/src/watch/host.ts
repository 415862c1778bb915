import { basename, dirname } from "node:path";
import { StepError } from "../effects/error.ts";
import { packageManager } from "../effects/package-lock.ts";
import type { Clock } from "../ports.ts";
import type { Changes } from "../session/reports.ts";
import type { Log } from "../session/session.ts";
import { Bell } from "./bell.ts";
import { lookAt, type Place, PLACES, withinReach } from "./places.ts";
import { type Hook, Rest } from "./rest.ts";
import { WAKE_FILE, wakeOf } from "./wake.ts";

/** What a watch waits for, in milliseconds. */
interface Timing {
  readonly packagesQuietMs: number;
  readonly applyQuietMs: number;
  readonly longestMs: number;
  readonly lookMs: number;
}

const TIMING: Timing = {
  // Longer than the pauses in which unattended-upgrades and apt let go of the lock between two packages.
  packagesQuietMs: 30_000,
  // Longer than an apply waits for what it started to settle, unless it is told otherwise.
  applyQuietMs: 15_000,
  longestMs: 600_000,
  lookMs: 60_000,
};

/** Once a hook has said that a package manager comes to its end: a part of the quiet time, and these bounds. */
const WOKEN = { partOfQuiet: 1 / 3, longestMs: 120_000, apartMs: 60_000 } as const;

export interface WatchOptions {
  /** Journal of the orders that are given on this host. */
  readonly applyJournal: { readonly folder: string; readonly file: string };
  readonly clock: Clock;
  readonly log: Log;
  /** Aborted: nothing is watched any more. */
  readonly signal: AbortSignal;
  /** Absent: packages are watched, with the quiet time of `timing`. */
  readonly packages?: { readonly enabled: boolean; readonly quietMs: number };
  readonly places?: readonly Place[];
  /** Touched by the hooks of package managers. */
  readonly wake?: string;
  readonly timing?: Timing;
}

/** Packages and kernels of this host, and what is done on it without the daemon. */
export function changesOfHost(options: WatchOptions): readonly Changes[] {
  const { applyJournal, clock, log, places = PLACES, wake = WAKE_FILE, timing = TIMING } = options;
  const { packagesQuietMs, applyQuietMs, ...rest } = timing;
  const { packages = { enabled: true, quietMs: packagesQuietMs } } = options;
  const journal = { folder: applyJournal.folder, files: [applyJournal.file] };
  const ofPackages = () =>
    new Rest({
      ...{ reason: "package-change", clock, ...watched(places, options, wake) },
      ...{ isBusy: atWork(log), quietMs: packages.quietMs, ...rest, hook: hookOf(wake, packages.quietMs, log) },
    });
  return [
    ...(packages.enabled ? [ofPackages()] : []),
    new Rest({
      ...{ reason: "after-apply", clock, ...watched([journal], options) },
      ...{ isBusy: () => false, quietMs: applyQuietMs, ...rest }, // it says in its journal what it does
    }),
  ];
}

function hookOf(wake: string, quietMs: number, log: Log): Hook {
  const { partOfQuiet, ...bounds } = WOKEN;
  const woken = () => log.info({ file: wake }, "woken by a package manager's hook");
  return { look: wakeOf(wake, log), woken, quietMs: quietMs * partOfQuiet, ...bounds };
}

/** `wake` is listened to, and its look is not of these places. */
function watched(places: readonly Place[], { clock, log, signal }: WatchOptions, wake?: string) {
  const alarms = wake === undefined ? [] : [{ folder: dirname(wake), files: [basename(wake)] }];
  const bell = new Bell(clock, (folder, code) => log.warn({ folder, code }, "no notice of changes, looked at instead"));
  signal.addEventListener("abort", () => bell.close(), { once: true });
  const unreachable = new Set<string>();
  const reachable = (): readonly Place[] => {
    const near = withinReach(places);
    for (const { folder } of places) {
      if (near.some((place) => place.folder === folder) || unreachable.has(folder)) continue;
      unreachable.add(folder);
      log.warn({ folder }, "folder is on a file system that is never touched, and is not watched");
    }
    return near;
  };
  let near: readonly Place[] = [];
  return {
    look: () => {
      near = reachable();
      return lookAt(near);
    },
    wait: (ms: number, stop: AbortSignal) => bell.wait([...near, ...alarms], ms, stop), // right after a look
  };
}

/** Whether a package manager holds its lock. Where nobody can tell, the quiet time alone has to do: a scan changes nothing. */
function atWork(log: Log): () => boolean {
  let isSaid = false;
  return () => {
    try {
      return packageManager() !== null;
    } catch (error) {
      if (!(error instanceof StepError)) throw error;
      if (!isSaid) log.warn({ why: error.message }, "locks not readable");
      isSaid = true;
      return false;
    }
  };
}

import { statSync } from "node:fs";
import { parseSupervisedTarget } from "@afterpatch/core/supervised/owner";
import type { Ran } from "../run.ts";
import { scriptControl } from "./script.ts";
import { supervisedControl } from "./supervised.ts";

/** A service that is not systemd's: of an init script, of OpenRC, of runit, s6 or supervisord. */
export interface ServiceControl {
  /** The target of its steps. */
  readonly target: string;
  /** For people: `cron`, `the runit service web`. */
  readonly name: string;
  /** Who restarts it, for people: `its script`, `sv`. */
  readonly by: string;
  /** What was run, for people, with its exit code. */
  readonly restart: () => Promise<Ran & { readonly command: string }>;
  /** Where this very process is the service, or a part of it: it goes on without us, and holds no lock of ours. */
  readonly restartUs: () => Promise<Ran>;
  /** Starts it where it does not run; null: its manager does that by itself. */
  readonly start: (() => Promise<Ran>) | null;
  readonly reload: () => Promise<Ran>;
  /** What its manager says is wrong with it; null: nothing, or it has no word for it. */
  readonly whyNotUp: () => Promise<string | null>;
  /** Somebody, perhaps the agent before it was killed, restarts it at this moment. */
  readonly isUnderWay: () => boolean;
  /** Why it is not to be restarted, or null. `old`: pids. */
  readonly veto: (old: readonly number[]) => Promise<string | null>;
  /** Processes below which those of the service are: PID 1, or the supervisor. */
  readonly keepers: () => readonly number[];
}

/** How a service is restarted that is no unit of systemd; null: the target is a unit. */
export function controlOf(target: string): ServiceControl | null {
  const supervised = parseSupervisedTarget(target);
  if (supervised !== null) return supervisedControl(supervised);
  return isScript(target) ? scriptControl(target) : null;
}

/** A step for a service of a script, not for a unit of systemd. */
export function isScript(target: string): boolean {
  // A script's name may have a dot in it: mysql.server.
  if (/\.(?:service|socket)$/.test(target) || parseSupervisedTarget(target) !== null) return false;
  return !statSync("/run/systemd/system", { throwIfNoEntry: false })?.isDirectory();
}

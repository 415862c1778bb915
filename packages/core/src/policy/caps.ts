import { formatDuration } from "../duration.ts";
import type { Caps } from "./types.ts";

/** What was begun before, as the journals of this host tell it. */
export interface Begun {
  /** Restarts of units and applications that the present order began. */
  readonly restartsInRun: number;
  readonly restartsInHour: number;
  readonly rebootsInDay: number;
  /** Since the last boot. */
  readonly uptimeMs: number;
}

const RESTARTS: ReadonlySet<string> = new Set(["restart-service", "relaunch-application", "restart-container"]);

/** Does a remedy of this kind count as a restart? */
export function isRestart(kind: string): boolean {
  return RESTARTS.has(kind);
}

/** The cap that one more remedy of this kind would exceed, as a sentence; null: none. */
export function overCap(kind: string, begun: Begun, caps: Caps): string | null {
  if (kind === "reboot") {
    if (begun.rebootsInDay >= caps.reboots) {
      return `${times(begun.rebootsInDay, "reboot")} in the last 24 hours, and caps.reboots is ${caps.reboots}`;
    }
    if (begun.uptimeMs < caps.minimumUptimeMs) {
      const least = formatDuration(caps.minimumUptimeMs);
      return `up for ${formatDuration(Math.floor(begun.uptimeMs / 1000) * 1000)}, and caps.minimumUptime is ${least}`;
    }
    return null;
  }
  if (!isRestart(kind)) return null;
  if (caps.restartsPerRun !== null && begun.restartsInRun >= caps.restartsPerRun) {
    return `${times(begun.restartsInRun, "restart")} in this run, and caps.restartsPerRun is ${caps.restartsPerRun}`;
  }
  if (caps.restartsPerHour !== null && begun.restartsInHour >= caps.restartsPerHour) {
    return `${times(begun.restartsInHour, "restart")} in the last hour, and caps.restartsPerHour is ${caps.restartsPerHour}`;
  }
  return null;
}

function times(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}

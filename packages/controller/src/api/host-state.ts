import type { Host } from "../store/hosts.ts";

export type { Host } from "../store/hosts.ts";

/** Word of state of a host (contracts). */
export type HostWord = "connected" | "late" | "lost" | "cordoned" | "quarantined";

/**
 * `late`: not connected, and its last report is younger than two report intervals, or the controller has just started and
 * it may be coming back still; `lost`: silent for longer.
 * What an administrator decided stands before what the network shows.
 */
export function hostState(
  host: Host,
  presence: { readonly isConnected: boolean; readonly isAwaited: boolean },
  now: number,
  reportIntervalMs: number,
): HostWord {
  if (host.state === "cordoned") return "cordoned";
  if (host.state === "quarantined" || host.state === "revoked") return "quarantined";
  if (presence.isConnected) return "connected";
  if (presence.isAwaited) return "late";
  const heardAt = host.report?.receivedAt ?? host.enrolledAt;
  return now - heardAt < 2 * reportIntervalMs ? "late" : "lost";
}

import type { Host } from "../store/hosts.ts";

export type { Host } from "../store/hosts.ts";

/** Word of state of a host (contracts). */
export type HostWord = "connected" | "late" | "lost" | "cordoned" | "quarantined";

/** What the network shows. */
export type Presence = Extract<HostWord, "connected" | "late" | "lost">;

/**
 * `late`: not connected, and it was heard less than `lostAfterMs` ago, or the controller has just started and
 * it may be coming back still; `lost`: silent for longer.
 */
export function presenceOf(
  host: Pick<Host, "enrolledAt"> & { readonly report: { readonly receivedAt: number } | null },
  presence: { readonly isConnected: boolean; readonly isAwaited: boolean },
  now: number,
  lostAfterMs: number,
): Presence {
  if (presence.isConnected) return "connected";
  if (presence.isAwaited) return "late";
  const heardAt = host.report?.receivedAt ?? host.enrolledAt;
  return now - heardAt < lostAfterMs ? "late" : "lost";
}

/** What an administrator decided stands before what the network shows. */
export function hostState({ state }: Pick<Host, "state">, isCordoned: boolean, presence: Presence): HostWord {
  if (state === "quarantined" || state === "revoked") return "quarantined";
  return isCordoned || state === "cordoned" ? "cordoned" : presence;
}

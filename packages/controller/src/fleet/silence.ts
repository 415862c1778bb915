import { presenceOf } from "../api/host-state.ts";
import type { Clock, Log } from "../ports.ts";
import type { Hosts } from "../store/hosts.ts";
import type { PresenceStore } from "../store/presence.ts";
import type { Fleet } from "./fleet.ts";

export interface SilenceDeps {
  readonly hosts: Pick<Hosts, "list">;
  readonly presence: PresenceStore;
  readonly fleet: Pick<Fleet, "isConnected" | "isAwaited">;
  readonly clock: Clock;
  readonly lostAfterMs: number;
  readonly log: Log;
}

const LOOK_MS = 10_000;

/** Looks every ten seconds which hosts have been silent for too long, and which are back, until the returned function is called. */
export function listenForSilence(deps: SilenceDeps): () => void {
  let cancel = () => {};
  const again = (): void => {
    cancel = deps.clock.after(LOOK_MS, () => {
      lookForSilence(deps).catch((err: unknown) => deps.log.error({ err }, "lost hosts not looked for"));
      again();
    });
  };
  again();
  return () => cancel();
}

export async function lookForSilence({ hosts, presence, fleet, clock, lostAfterMs }: SilenceDeps): Promise<void> {
  const known = await presence.lost();
  const now = clock.now();
  for (const host of await hosts.list()) {
    const contact = { isConnected: fleet.isConnected(host.id), isAwaited: fleet.isAwaited(host) };
    const isLost = presenceOf(host, contact, now, lostAfterMs) === "lost";
    // One in quarantine is not let in: its silence is no news.
    if (isLost && !known.has(host.id) && host.state !== "quarantined")
      await presence.setLost(host.id, now, host.report?.receivedAt ?? host.enrolledAt);
    // Awaited after a restart, one that was lost is not back yet.
    if (!isLost && !contact.isAwaited && known.has(host.id)) await presence.setBack(host.id, now);
  }
}

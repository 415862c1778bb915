import type { RolloutEvent } from "../rollout/event.ts";

/** What happens in a rollout, as `rollout history` has it too. */
const OF_ROLLOUTS: Readonly<Record<`rollout.${RolloutEvent["type"]}`, true>> = {
  "rollout.taken": true,
  "rollout.drain-begun": true,
  "rollout.ready": true,
  "rollout.proved": true,
  "rollout.undrain-begun": true,
  "rollout.left": true,
  "rollout.started": true,
  "rollout.replanned": true,
  "rollout.nothing-to-do": true,
  "rollout.permitted": true,
  "rollout.permit-void": true,
  "rollout.progress": true,
  "rollout.ended": true,
  "rollout.vetoed": true,
  "rollout.tried-again": true,
  "rollout.unreachable": true,
  "rollout.written-off": true,
  "rollout.skipped": true,
  "rollout.returned": true,
  "rollout.stopping": true,
  "rollout.abort-requested": true,
  "rollout.paused": true,
  "rollout.resumed": true,
  "rollout.wave-ended": true,
  "rollout.gate": true,
  "rollout.approved": true,
  "rollout.window-closed": true,
  "rollout.window-opened": true,
  "rollout.closed": true,
};

const OTHERS = [
  "rollout.create",
  "host.enroll",
  "host.ask-readmission",
  "host.readmit",
  "host.readmitted",
  "host.renew",
  "host.revoke",
  "host.forget",
  "host.quarantine",
  "host.release",
  "host.cordon",
  "host.uncordon",
  "host.write-off",
  "host.report",
  "host.old-code",
  "host.clear",
  "host.lost",
  "host.back",
  "fleet.freeze",
  "fleet.thaw",
  "controller.start",
  "controller.restore",
  "controller.backup",
] as const;

export type EventType = keyof typeof OF_ROLLOUTS | (typeof OTHERS)[number];

/**
 * Every type of the fleet's events: stable names, documented in docs/events.md, which a test compares. What the audit log
 * tells has the name that it has there.
 */
export const EVENT_TYPES: ReadonlySet<string> = new Set([...Object.keys(OF_ROLLOUTS), ...OTHERS]);

export function isEventType(text: string): text is EventType {
  return EVENT_TYPES.has(text);
}

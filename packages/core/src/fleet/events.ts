import type { RolloutEvent } from "../rollout/event.ts";

/** What happens in a rollout, as `rollout history` has it too. */
const OF_ROLLOUTS: Readonly<Record<`rollout.${RolloutEvent["type"]}`, string>> = {
  "rollout.taken": "A host is in hand: its checks begin, or its drain (`phase`).",
  "rollout.drain-begun": "The host is taken out of service.",
  "rollout.ready": "The host may be permitted: what has to hold before holds, and it is drained.",
  "rollout.proved": "What the host has shown is believed; checks and the way back into service come now.",
  "rollout.undrain-begun": "The host is put back into service.",
  "rollout.left": "The controller is done with the host.",
  "rollout.started": "The rollout began.",
  "rollout.replanned": "The rollout was planned anew after waiting for hosts of another.",
  "rollout.nothing-to-do": "There is nothing to do on this host.",
  "rollout.permitted": "The host may act.",
  "rollout.permit-void": "Its permit was never begun and never will be.",
  "rollout.progress":
    "The host says what it is at (`state`), and which step ended last: `step`, such as `restart-service nginx.service`, and its `stepOutcome`.",
  "rollout.ended": "The host says how it ended.",
  "rollout.vetoed": "The host's own rules hold it off.",
  "rollout.tried-again": "A host that vetoed may be permitted anew.",
  "rollout.unreachable": "The host is away.",
  "rollout.written-off": "A person expects nothing of the host any more, and it is charged to no budget.",
  "rollout.skipped": "Nothing is done to the host in this rollout, whatever it needs.",
  "rollout.returned": "The host that was away is back.",
  "rollout.stopping": "By a stop rule; hosts in hand finish.",
  "rollout.abort-requested": "By a person; hosts in hand finish.",
  "rollout.paused": "By a person.",
  "rollout.resumed": "By a person.",
  "rollout.wave-ended": "All hosts of a wave are at rest.",
  "rollout.gate": "It waits for approval (`why`).",
  "rollout.approved": "Somebody approved (`wave`).",
  "rollout.window-closed": "No host may begin now.",
  "rollout.window-opened": "Hosts may begin again.",
  "rollout.closed": "Its end: `state` is `finished`, `halted` or `aborted`.",
};

const OTHERS = {
  "rollout.create": "A rollout was ordered.",
  "host.enroll": "A host joined, or joined again with its key.",
  "host.ask-readmission": "Its certificate had ended, and it asks to be let in again.",
  "host.readmit": "A person allowed that.",
  "host.readmitted": "It has a new certificate.",
  "host.renew": "Its certificate was renewed.",
  "host.revoke": "It is refused from now on.",
  "host.forget": "The same, and its name is free.",
  "host.quarantine": "Two machines spoke as this host: nothing is done on it.",
  "host.release": "A person ended that.",
  "host.cordon": "Kept out of rollouts.",
  "host.uncordon": "Kept out no more.",
  "host.write-off": "A person charges it to no budget any more.",
  "host.report": "Its report differs from the one before: counts of findings by kind, reboot (null: unknown), kernel.",
  "host.old-code": "With that report it runs old code, and before it ran none, or nobody knew.",
  "host.clear": "With that report it runs none any more.",
  "host.lost": "Not connected and silent for `lostAfter` of the controller's file; looked for every ten seconds.",
  "host.back": "It was lost, and is heard again.",
  "fleet.freeze": "Nothing begins in the whole fleet.",
  "fleet.thaw": "Rollouts go on.",
  "controller.start": "A controller opened the store.",
  "controller.restore": "The controller goes on from a backup.",
  "controller.backup": "A copy of the store was made.",
} as const;

export type EventType = keyof typeof OF_ROLLOUTS | keyof typeof OTHERS;

/** Every type of the fleet's events, with what happened: stable names. What the audit log tells has the name that it has there. */
export const EVENTS: Readonly<Record<EventType, string>> = { ...OTHERS, ...OF_ROLLOUTS };
export const EVENT_TYPES: ReadonlySet<string> = new Set(Object.keys(EVENTS));

export function isEventType(text: string): text is EventType {
  return EVENT_TYPES.has(text);
}

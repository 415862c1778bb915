import type { WebhookSpec } from "../rollout-file/spec.ts";
import type { RolloutEvent } from "./event.ts";
import type { RolloutPlan } from "./types.ts";

export type NoticeKind = WebhookSpec["on"][number];

/** What a webhook is told: `afterpatch.notice/v1`, docs/rollout-file.md. */
export interface Notice {
  readonly schema: "afterpatch.notice/v1";
  readonly event: NoticeKind;
  /** Epoch milliseconds of the controller's clock. */
  readonly at: number;
  /** Of the event in its rollout, from 1: a notice that is told twice has the same. */
  readonly sequence: number;
  readonly rollout: { readonly id: string; readonly name: string; readonly reason: string; readonly actor: string };
  /** Name of the host, of `host-failed`; else null. */
  readonly host: string | null;
  /** How it ended, of `done`: `finished`, `halted`, `aborted`; else null. */
  readonly state: string | null;
  readonly why: string;
}

/** What there is to tell of an event; null: nothing. */
export function noticeOf(plan: RolloutPlan, event: RolloutEvent, sequence: number): Notice | null {
  const said = saidOf(event);
  if (said === null) return null;
  const { id, name, reason, actor } = plan;
  const { hostId = null, state = null, why, kind } = said;
  const host = hostId === null ? null : (plan.hosts.find((one) => one.hostId === hostId)?.name ?? hostId);
  const rollout = { id, name, reason, actor };
  return { schema: "afterpatch.notice/v1", event: kind, at: event.at, sequence, rollout, host, state, why };
}

interface Said {
  readonly kind: NoticeKind;
  readonly hostId?: string;
  readonly state?: string;
  readonly why: string;
}

function saidOf(event: RolloutEvent): Said | null {
  switch (event.type) {
    case "started":
      return { kind: "start", why: "" };
    case "gate":
      return { kind: "gate", why: event.why };
    case "stopping":
    case "abort-requested":
      return { kind: "stop", why: event.why };
    case "closed":
      return { kind: "done", state: event.state, why: event.why };
    case "unreachable":
      return { kind: "host-failed", hostId: event.hostId, why: event.why };
    case "ended":
      return event.state === "failed" ? { kind: "host-failed", hostId: event.hostId, why: event.reason } : null;
    case "left":
      return event.outcome.state === "failed"
        ? { kind: "host-failed", hostId: event.hostId, why: event.outcome.reason }
        : null;
    default:
      return null;
  }
}

import {
  DEFAULT_REBOOT,
  LONGEST_DELAY_MS,
  LONGEST_MESSAGE,
  LONGEST_REBOOT_MS,
  NO_REBOOT,
  REBOOT_METHODS,
  type RebootMode,
  type RebootOrder,
} from "@afterpatch/core/plan/reboot";
import { pb } from "../messages.ts";

type WireOrder = pb.v1.RebootOrder;

/** A field of a reboot's order that is none. The text names field and value. */
export class RebootOrderError extends Error {
  override readonly name = "RebootOrderError";
}

const MODE_TO_WIRE: Record<RebootMode, keyof typeof pb.v1.RebootMode> = {
  never: "REBOOT_MODE_NEVER",
  "when-required": "REBOOT_MODE_WHEN_REQUIRED",
  always: "REBOOT_MODE_ALWAYS",
};

export function rebootToWire({ mode, ...order }: RebootOrder): WireOrder {
  return { mode: pb.v1.RebootMode[MODE_TO_WIRE[mode]], ...order };
}

/** What is absent is `absent`. Throws RebootOrderError. */
export function rebootFromWire(order: WireOrder | null | undefined, absent = NO_REBOOT): RebootOrder {
  if (!order) return absent;
  const method = REBOOT_METHODS.find((known) => known === (order.method || "reboot"));
  if (!method) throw new RebootOrderError(`${order.method.slice(0, 40)} is no method of a reboot`);
  if (order.message.length > LONGEST_MESSAGE) {
    throw new RebootOrderError(`a message has at most ${LONGEST_MESSAGE} characters`);
  }
  return {
    mode: modeFromWire(order.mode),
    method,
    sessionsFirst: order.sessionsFirst,
    message: order.message,
    delayMs: within("a delay", order.delayMs, LONGEST_DELAY_MS),
    withinMs: within("the time of a reboot", order.withinMs, LONGEST_REBOOT_MS) || DEFAULT_REBOOT.withinMs,
    settleMs: within("the settle time of a reboot", order.settleMs, LONGEST_REBOOT_MS) || DEFAULT_REBOOT.settleMs,
  };
}

function modeFromWire(mode: WireOrder["mode"]): RebootMode {
  switch (mode) {
    case pb.v1.RebootMode.REBOOT_MODE_UNSPECIFIED:
    case pb.v1.RebootMode.REBOOT_MODE_NEVER:
      return "never";
    case pb.v1.RebootMode.REBOOT_MODE_WHEN_REQUIRED:
      return "when-required";
    case pb.v1.RebootMode.REBOOT_MODE_ALWAYS:
      return "always";
    default: // open on the wire: a newer peer may send more
      throw new RebootOrderError("an unknown mode of a reboot");
  }
}

function within(what: string, ms: number, longest: number): number {
  if (ms >= 0 && ms <= longest) return ms;
  throw new RebootOrderError(`${what} is from 0 to ${longest} ms`);
}

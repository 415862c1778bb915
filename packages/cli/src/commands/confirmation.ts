import type { PlanDocument } from "../documents/plan.ts";
import { counted } from "../render/table.ts";

/** What somebody at a terminal is asked before a rollout begins. */
export interface Confirmation {
  readonly question: string;
  readonly isGiven: (answer: string) => boolean;
  /** For whoever answered otherwise. */
  readonly todo: string;
}

/** More than one host in five is more than a slip of the hand may take. */
const LARGE_SHARE = 0.2;

/**
 * Everything, or a large part of the fleet, is started by whoever types how many hosts that is: a `y` is a habit, a number
 * is read. One host is never a large part.
 */
export function confirmation({ hosts, fleet, withWork, reboots }: PlanDocument["totals"]): Confirmation {
  const rebooted = reboots === 0 ? "" : `, of which ${reboots} ${reboots === 1 ? "reboots" : "reboot"}`;
  const start = `Start this rollout on ${counted(withWork, "host")}${rebooted}?`;
  const isLarge = hosts > 1 && (fleet === null || hosts > fleet * LARGE_SHARE);
  if (!isLarge) {
    const isYes = (answer: string) => /^y(es)?$/i.test(answer.trim());
    return { question: `${start} [y/N] `, isGiven: isYes, todo: "answer y, or add --yes" };
  }
  const share = fleet === null || hosts > fleet ? "" : ` of the fleet's ${fleet}`;
  return {
    question: `${start} It selects ${counted(hosts, "host")}${share}; type that number to start: `,
    isGiven: (answer) => answer.trim() === String(hosts),
    todo: `type ${hosts}, or add --yes`,
  };
}

import type { PermitOutcome } from "../session.ts";
import type { StepResult } from "./types.ts";

/** Codes with which a host's own rules, or what goes on there, hold off what was ordered. */
export const VETO_CODES: ReadonlySet<string> = new Set([
  "config",
  "denied",
  "window",
  "transaction",
  "inhibited",
  "users-logged-in",
  "cap",
  "package-lock",
  "hook-vetoed",
  // A person's apply, or an order before this one: nothing was done, and it ends by itself.
  "busy",
  // Of a reboot: another one is on its way, it would lead nowhere, this host has none, or a person on it said no.
  "scheduled-shutdown",
  "boot-files",
  "impossible",
  "cancelled",
]);

/**
 * The host's own rules held all of an order off, and nothing was done. Where a step was done and a later one was held
 * off, the host was changed and runs old code still: that is a failure, as any other proof that was not given.
 */
export function isHeldOff(
  { result, code }: Pick<PermitOutcome, "result" | "code">,
  steps: readonly Pick<StepResult, "outcome">[],
): boolean {
  if (!steps.every(({ outcome }) => outcome === "vetoed" || outcome === "skipped")) return false;
  if (result === "refused") return VETO_CODES.has(code);
  const isOfSteps = code === "step-failed" && steps.some(({ outcome }) => outcome === "vetoed");
  return result === "failed" && (isOfSteps || VETO_CODES.has(code));
}

const FIRST_RETRY_MS = 10_000;
/** No veto keeps a host from being asked again for longer. */
export const LONGEST_RETRY_MS = 300_000;

/** How long after its n-th veto a host is tried again. A person who said no is not asked again at once. */
export function retryInMs(vetoes: number, code = ""): number {
  if (code === "cancelled") return LONGEST_RETRY_MS;
  return Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(vetoes - 1, 16));
}

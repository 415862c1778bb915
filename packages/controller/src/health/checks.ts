import type { CheckSpec } from "@afterpatch/core/rollout-file/spec";
import type { Held } from "./network.ts";

/** Asks a check once; never rejects but for defects. */
export type Ask = (check: CheckSpec, signal: AbortSignal) => Promise<Held>;

/** How long after an answer a check is asked again, milliseconds. */
const AGAIN_MS = 1_000;

/**
 * Asks all checks at once, each again and again until it has held for as long as it has to, or has not by its time: that
 * is its `timeout`, counted beside its `for`. Null: all hold. The first that does not ends the others.
 */
export async function runChecks(checks: readonly CheckSpec[], ask: Ask, signal: AbortSignal): Promise<Held> {
  const others = new AbortController();
  const either = AbortSignal.any([signal, others.signal]);
  const answers = checks.map(async (check) => {
    const why = await untilHeld(check, ask, either);
    if (why !== null) others.abort();
    return why === null ? null : { why: `${check.name}: ${why}`, isCutOff: either.aborted && why === CUT_OFF };
  });
  const failed = (await Promise.all(answers)).filter((answer) => answer !== null);
  return (failed.find(({ isCutOff }) => !isCutOff) ?? failed[0])?.why ?? null;
}

const CUT_OFF = "it was not asked to the end";

async function untilHeld(check: CheckSpec, ask: Ask, signal: AbortSignal): Promise<Held> {
  const endsAt = performance.now() + check.timeoutMs + check.forMs;
  let heldSince: number | null = null;
  let said = "";
  for (;;) {
    if (signal.aborted) return CUT_OFF;
    const askedAt = performance.now();
    const late = AbortSignal.timeout(Math.max(1, Math.ceil(endsAt - askedAt)));
    const why = await ask(check, AbortSignal.any([signal, late]));
    if (signal.aborted) return CUT_OFF;
    const now = performance.now();
    heldSince = why === null ? (heldSince ?? askedAt) : null;
    if (heldSince !== null && now - heldSince >= check.forMs) return null;
    // What it said before tells more than that there was no time left for the last answer.
    said = why === null ? `it did not hold for ${check.forMs / 1000} s` : late.aborted ? said || why : why;
    const wantedAt = heldSince === null ? endsAt : Math.min(endsAt, heldSince + check.forMs);
    if (now < endsAt) await pause(Math.max(1, Math.min(AGAIN_MS, wantedAt - now)), signal);
    if (performance.now() >= endsAt) return said;
  }
}

/** Ends early, and does not reject, when `signal` says so. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener("abort", end, { once: true });
  });
}

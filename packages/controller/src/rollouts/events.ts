import { type Now, giveBack } from "@afterpatch/core/rollout/chores";
import { isCaredFor, isInCare } from "@afterpatch/core/rollout/care";
import type { StoredDecision } from "@afterpatch/core/rollout/next";
import { lastsMs } from "@afterpatch/core/rollout/reboots";
import type { ProofRef, RolloutEvent } from "@afterpatch/core/rollout/event";
import type { HostInRollout, RolloutView } from "@afterpatch/core/rollout/types";
import { isHeldOff, LONGEST_RETRY_MS, retryInMs } from "@afterpatch/core/rollout/veto";
import type { PermitUpdate, ScanReport } from "@afterpatch/core/session";

/** So many permits a host gets in one rollout when it refuses them without having done anything. */
const MOST_PERMITS = 3;

/** So many it gets when it comes back each time without having begun: a full disk, or a network that eats permits. */
const MOST_LOST_PERMITS = 10;

/** Refusals after which the same work may be permitted again: the permit did not fit the moment, the host is sound. */
const VOID_CODES = new Set(["old-epoch", "wrong-boot", "not-begun-in-time"]);

/** What is under way, in the order in which it comes; before all of them stand `permitted` and `unreachable`. */
const PROGRESS: readonly string[] = ["acting", "returning", "settling", "verifying"];

/** Judges what a host says of its permit; null when there is nothing new to store. Rejects when the store fails. */
export type Proves = (
  view: RolloutView,
  hostId: string,
  update: PermitUpdate,
  now: Now,
) => Promise<RolloutEvent | null>;

/** The event that a decision becomes. */
export function eventOf(
  decision: StoredDecision,
  now: Now & { readonly epoch: number; readonly permitId: string; readonly view: RolloutView },
): RolloutEvent {
  const { at, steadyAt } = now;
  const { plan } = now.view;
  switch (decision.kind) {
    case "permit": {
      const { hostId, bootId } = decision;
      const beginBy = steadyAt + plan.timing.beginWithinMs;
      const endBy = beginBy + lastsMs(plan, hostId);
      return { type: "permitted", at, hostId, permitId: now.permitId, bootId, epoch: now.epoch, beginBy, endBy };
    }
    case "take":
      return { type: "taken", at, hostId: decision.hostId, phase: decision.phase };
    case "give-back": {
      const host = now.view.hosts.find(({ hostId }) => hostId === decision.hostId);
      if (!host) throw new Error(`rollout ${plan.id}: host ${decision.hostId} is not in it`);
      return giveBack(host, now, decision.outcome);
    }
    case "nothing-to-do":
      return { type: "nothing-to-do", at, hostId: decision.hostId, residue: decision.residue };
    case "unreachable":
      return { type: "unreachable", at, hostId: decision.hostId, why: decision.why };
    case "skip":
      return { type: "skipped", at, hostId: decision.hostId, why: decision.why };
    case "returned":
      return { type: "returned", at, hostId: decision.hostId };
    case "try-again":
      return { type: "tried-again", at, hostId: decision.hostId };
    case "end-wave":
      return { type: "wave-ended", at, wave: decision.wave, bakeUntil: steadyAt + decision.bakeMs };
    case "gate":
      return { type: "gate", at, why: decision.why };
    case "window-close":
      return { type: "window-closed", at, why: decision.why };
    case "window-open":
      return { type: "window-opened", at };
    case "stop":
      return { type: "stopping", at, why: decision.why };
    case "close":
      return { type: "closed", at, state: decision.state, why: decision.why };
  }
}

/**
 * A rollout of an earlier run of the controller. Its deadlines are of that run's clock, which is compared with ours over
 * the wall clock alone: where that was stepped back in between they would be far away, but none is later than one that
 * a permit would get now. Where it was stepped forward they have passed, and `next` gives hosts time to come back.
 */
export function takenUp(view: RolloutView, steadyAt: number): RolloutView {
  const latest = steadyAt + view.plan.timing.beginWithinMs;
  const hosts = view.hosts.map((host) => {
    if (host.againAt !== null) return { ...host, againAt: Math.min(host.againAt, steadyAt + LONGEST_RETRY_MS) };
    if (!host.permit) return host;
    const beginBy = Math.min(host.permit.beginBy, latest);
    const endBy = Math.min(host.permit.endBy, latest + lastsMs(view.plan, host.hostId));
    return { ...host, permit: { ...host.permit, beginBy, endBy } };
  });
  // A wave is not watched for longer than it would be now.
  const bakes = new Map(view.plan.shape?.waves.map(({ name, bakeMs }) => [name, steadyAt + bakeMs]));
  const ended = Object.fromEntries(
    Object.entries(view.ended).map(([name, wave]) => [
      name,
      { ...wave, bakeUntil: Math.min(wave.bakeUntil, bakes.get(name) ?? wave.bakeUntil) },
    ]),
  );
  return { ...view, hosts, ended };
}

/**
 * The host has connected and does not know a permit that we issued: it was never begun. It never will be either: the
 * stream that carried it is gone, and the host refuses permits of an older epoch.
 */
export function lostPermit(
  view: RolloutView,
  hostId: string,
  known: readonly PermitUpdate[],
  at: number,
): RolloutEvent | null {
  const host = view.hosts.find((h) => h.hostId === hostId);
  if (!host?.permit || known.some((update) => update.permitId === host.permit?.id)) return null;
  if (host.permit.isBegun || (host.state !== "permitted" && host.state !== "unreachable")) return null;
  const permitId = host.permit.id;
  const unanswered = unvetoed(host);
  if (unanswered >= MOST_LOST_PERMITS) {
    const reason = `not-begun: connected anew after each of ${unanswered} permits, and had begun none`;
    return { type: "ended", at, hostId, permitId, state: "failed", reason, steps: [], residue: [] };
  }
  return { type: "permit-void", at, hostId, permitId, why: "the permit did not reach the host" };
}

/** What a host's word about its permit means, its proof apart: `unproven` is why a claimed success is not believed. */
export function judged(
  view: RolloutView,
  hostId: string,
  update: PermitUpdate,
  { at, steadyAt }: Now,
  unproven: string | null,
): RolloutEvent | null {
  const host = view.hosts.find((h) => h.hostId === hostId);
  // It has shown what it had to: whatever it says again changes nothing.
  if (host && isInCare(host)) return null;
  const { permitId, steps } = update;
  if (update.state !== "finished") {
    // Forward only: what a permit may write into the store is bounded, whatever its host says.
    const isNew =
      !host || PROGRESS.indexOf(update.state) > PROGRESS.indexOf(host.state) || steps.length > host.steps.length;
    return isNew ? { type: "progress", at, hostId, permitId, state: update.state, steps } : null;
  }
  const { result, code, message, residue } = update.outcome;
  const said = `${code}: ${message}`;
  if (result === "refused" && VOID_CODES.has(code) && unvetoed(host) < MOST_PERMITS) {
    return { type: "permit-void", at, hostId, permitId, why: said };
  }
  if (isHeldOff(update.outcome, steps)) {
    const againAt = steadyAt + retryInMs((host?.vetoes ?? 0) + 1, code);
    return { type: "vetoed", at, hostId, permitId, why: said, steps, againAt };
  }
  const isVerified = result === "verified" && unproven === null;
  const proof = proofOf(update.outcome.proof);
  const state = !isVerified ? "failed" : residue.length > 0 ? "done-with-residue" : "done";
  if (state !== "failed" && host && isCaredFor(view.plan, host.care)) {
    return { type: "proved", at, hostId, permitId, state, steps, residue, ...proof };
  }
  const rest = host?.care.isDrained ? "; it is out of service still" : "";
  const reason = isVerified ? "" : `${unproven ?? said}${rest}`;
  return { type: "ended", at, hostId, permitId, state, reason, steps, residue, ...proof };
}

/** Which scan it was; what a host says of it is bounded, whatever it says. */
function proofOf(scan: ScanReport | null): { readonly proof?: ProofRef } {
  if (scan === null) return {};
  const short = (text: string) => text.slice(0, 200);
  const findings = Object.values(scan.findings).reduce((sum, count) => sum + count, 0);
  const words = { digest: short(scan.digest), bootId: short(scan.bootId), kernel: short(scan.kernel) };
  return { proof: { ...words, scannedAt: scan.scannedAt, findings } };
}

/** Permits that came to nothing otherwise than by the host's own rules. */
function unvetoed(host: HostInRollout | undefined): number {
  return host ? host.permits - host.vetoes : 0;
}

import { planOf } from "@afterpatch/core/plan/plan";
import type { RebootMethod } from "@afterpatch/core/plan/reboot";
import { isRebooted } from "@afterpatch/core/rollout/reboots";
import { isInFlight } from "@afterpatch/core/rollout/transitions";
import type { RolloutHostPlan, RolloutView, StepResult } from "@afterpatch/core/rollout/types";
import type { Scan } from "@afterpatch/core/scan";
import type { PermitUpdate, ScanReport } from "@afterpatch/core/session";
import { scanOfReport } from "../report-body.ts";
import { judged, type Proves } from "./events.ts";

/**
 * Believes a success only with a scan that shows it: `keep` stores that scan as the host's newest report, then its plan
 * is made here and must not hold a planned remedy any more.
 */
export function prover(keep: (hostId: string, report: ScanReport) => Promise<void>): Proves {
  return async (view, hostId, update, now) => {
    const proof = update.state === "finished" ? update.outcome.proof : null;
    const state = view.hosts.find((host) => host.hostId === hostId)?.state;
    // An ending that is told again brings an old scan: newer reports may have come since.
    const isNews = state === "unreachable" || (state !== undefined && isInFlight(state));
    if (isNews && proof && proof.body.length > 0) await keep(hostId, proof);
    return judged(view, hostId, update, now, unproven(view, hostId, update));
  };
}

function unproven(view: RolloutView, hostId: string, update: PermitUpdate): string | null {
  if (update.state !== "finished" || update.outcome.result !== "verified") return null;
  const { proof } = update.outcome;
  if (!proof) return "no-proof: the host claims success without a scan";
  const planned = view.plan.hosts.find((host) => host.hostId === hostId);
  const permit = view.hosts.find((host) => host.hostId === hostId)?.permit;
  if (!planned || !permit) return "no-proof: this host holds no permit";
  try {
    const scan = scanOfReport(proof.body);
    const { reboot } = view.plan;
    // Where somebody rebooted the host before us, nothing was left to reboot it for; an order to do so stands.
    const isVanished = reboot.mode !== "always" && update.steps.some(isSkippedReboot);
    const isSameBoot = isVanished || reboot.method === "soft-reboot";
    const wrong = isRebooted(planned)
      ? ((isSameBoot ? null : notRebooted(scan, permit.bootId)) ?? wrongKernel(scan, planned, reboot.method))
      : null;
    return wrong ?? findingsLeft(scan, planned, view.plan);
  } catch (error) {
    return `no-proof: the scan cannot be read: ${error instanceof Error ? error.message : String(error)}`;
  }
}

function isSkippedReboot({ kind, outcome }: StepResult): boolean {
  return kind === "reboot" && outcome === "skipped";
}

/** A soft reboot keeps kernel and boot id: what it replaced is seen by what is left, systemd-soft-reboot.service(8). */
function notRebooted({ host: { bootId } }: Scan, permitBootId: string): string | null {
  if (bootId !== permitBootId && bootId !== "") return null;
  return "not-rebooted: the proof is of the boot that the permit was for";
}

/** The kernel that was planned, or a newer one that came meanwhile; where none was known, the same as before. */
function wrongKernel(
  { host: { kernel } }: Scan,
  { expectedKernel, runningKernel }: RolloutHostPlan,
  method: RebootMethod,
): string | null {
  const wanted = method === "soft-reboot" ? runningKernel : (expectedKernel ?? runningKernel);
  if (kernel.running === wanted || (expectedKernel !== null && kernel.verdict === "current")) return null;
  return `wrong-kernel: ${kernel.running} runs, ${wanted ?? "a known kernel"} was to come up`;
}

/** A reboot replaces everything, whatever the plan named; else only what was planned counts, unless new work is allowed. */
function findingsLeft(
  scan: Scan,
  planned: RolloutHostPlan,
  { allowNew, reboot: { method } }: RolloutView["plan"],
): string | null {
  const all = isRebooted(planned);
  const left = planOf(scan, [], { mode: all ? "when-required" : "never", sessionsFirst: false, method });
  const same = left.steps.filter(
    ({ remedy: { kind, target } }) =>
      all || allowNew || planned.steps.some((step) => step.kind === kind && step.target === target),
  );
  const names = same.map(({ remedy }) => `${remedy.kind} ${remedy.target}`).join(", ");
  return same.length > 0 ? `findings-left: the proof still asks for ${names}` : null;
}

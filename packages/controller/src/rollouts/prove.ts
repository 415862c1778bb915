import { gunzipSync } from "node:zlib";
import { planOf } from "@afterpatch/core/plan/plan";
import { isInFlight } from "@afterpatch/core/rollout/transitions";
import type { RolloutView } from "@afterpatch/core/rollout/types";
import type { Scan } from "@afterpatch/core/scan";
import { parseScan } from "@afterpatch/core/scan-json";
import type { PermitUpdate, ScanReport } from "@afterpatch/core/session";
import { judged, type Proves } from "./events.ts";

/** Largest scan document that is unpacked, bytes. */
export const MAX_SCAN_BYTES = 16 * 1024 * 1024;

/** Reads the body of a report. Throws an Error that says what is wrong with it. */
export function scanOfReport(body: Uint8Array): Scan {
  const json = gunzipSync(body, { maxOutputLength: MAX_SCAN_BYTES }).toString("utf8");
  return parseScan(JSON.parse(json));
}

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
  const planned = view.plan.hosts.find((host) => host.hostId === hostId)?.steps ?? [];
  try {
    const left = planOf(scanOfReport(proof.body)).steps.map((step) => step.remedy);
    const same = left.filter(
      (l) => view.plan.allowNew || planned.some((p) => p.kind === l.kind && p.target === l.target),
    );
    const names = same.map((remedy) => `${remedy.kind} ${remedy.target}`).join(", ");
    return same.length > 0 ? `findings-left: the proof still asks for ${names}` : null;
  } catch (error) {
    return `no-proof: the scan cannot be read: ${error instanceof Error ? error.message : String(error)}`;
  }
}

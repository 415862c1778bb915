import type { StepRef } from "@afterpatch/core/rollout/types";
import type { Machine, RebootEvidence } from "../../ports.ts";
import { rebootEvidence } from "./evidence.ts";
import type { RebootsHere } from "./host.ts";

const SCAN_TIMEOUT_MS = 120_000;

/** A machine that carries out the step `reboot` too. */
export function withReboots(machine: Omit<Machine, "reboots">, reboots: RebootsHere): Machine {
  return {
    ...machine,
    reboots,
    evidence: async (step) => (isReboot(step) ? evidence(machine, reboots) : machine.evidence(step)),
    async perform(step, before, options) {
      if (!isReboot(step)) return machine.perform(step, before, options);
      if (options.reboot) return reboots.goDown(options.reboot, options.signal);
      return { outcome: "vetoed", detail: "the order says nothing of a reboot" };
    },
    async happened(step, before, graceMs, signal) {
      if (!isReboot(step)) return machine.happened(step, before, graceMs, signal);
      return (await reboots.happened(rebootEvidence(before), signal)) ? "yes" : "no";
    },
    // Its proof is that of the whole host, see apply/come-back.ts.
    settled: async (step, before) => (isReboot(step) ? null : machine.settled(step, before)),
    lastWords: async (step, before) => (isReboot(step) ? [] : machine.lastWords(step, before)),
  };
}

async function evidence({ scan }: Pick<Machine, "scan">, reboots: RebootsHere): Promise<RebootEvidence> {
  const { kernel } = (await scan(AbortSignal.timeout(SCAN_TIMEOUT_MS))).host;
  const expected = kernel.verdict === "unknown" ? null : kernel.expected;
  const isRebuilt = kernel.verdict === "outdated" && kernel.expected === kernel.running;
  return { ...(await reboots.state()), expected, isRebuilt };
}

function isReboot({ kind }: StepRef): boolean {
  return kind === "reboot";
}

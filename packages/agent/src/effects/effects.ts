import { readFileSync } from "node:fs";
import type { ApplicationRule } from "@afterpatch/core/policy/types";
import type { StepRef } from "@afterpatch/core/rollout/types";
import type { Scan } from "@afterpatch/core/scan";
import { visible } from "@afterpatch/core/text";
import { stepKey } from "../journal/operations.ts";
import type { Evidence, Machine, Performed, PerformOptions } from "../ports.ts";
import { endSessions, oldSessions, sessionsEnded, sessionsEndedWithin } from "./session/end-session.ts";
import { stopInstances } from "./session/accepted.ts";
import type { ReadServices } from "./super-server/super-server.ts";
import { oldInstances, ticksNow } from "./application/instances.ts";
import { launchWords, relaunch, relaunchHappened, relaunchSettled } from "./application/relaunch.ts";
import { StepError } from "./error.ts";
import { applicationEvidence, reexecEvidence, scriptEvidence, sessionEvidence, unitEvidence } from "./evidence.ts";
import { packageManager } from "./package-lock.ts";
import type { RebootsHere } from "./reboot/host.ts";
import { withReboots } from "./reboot/machine.ts";
import { NEVER_REBOOTED } from "./reboot/none.ts";
import { managerNow, managerReplaced, managerSettled, reexec } from "./init/reexec.ts";
import { lastWords } from "./service/last-words.ts";
import { unitNow } from "./service/now.ts";
import { restartService } from "./service/restart-service.ts";
import { unitRestarted, unitSettled } from "./service/settled.ts";
import { readUnit, type UnitState } from "./service/unit.ts";
import { withUserTime } from "./user-time.ts";
import { controlOf } from "./controlled/control.ts";
import { controlledRestarted, controlledSettled, restartControlled, serviceNow } from "./controlled/restart.ts";

/** The rules for applications, as the agent's file has them now. */
export type ReadApplications = () => Promise<readonly ApplicationRule[]>;

/**
 * The host's changing half around a way to scan it, and to read what its super-servers are configured for. Throws nothing but StepError where the host is the reason.
 */
export function machineOn(
  scan: Machine["scan"],
  readServices: ReadServices = () => [],
  applications: ReadApplications = async () => [],
  reboots: RebootsHere = NEVER_REBOOTED,
): Machine {
  /** Units as they were right after their restart. */
  const restarted = new Map<string, UnitState>();
  /** When applications were seen to be launched, in ticks since boot. */
  const launched = new Map<string, number>();
  const ruleOf = async ({ target }: StepRef) => (await applications()).find(({ name }) => name === target) ?? null;
  const machine: Omit<Machine, "reboots"> = {
    bootId: () => readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim(),
    scan,
    busy: async () => packageManager(),
    evidence: (step) => evidence(step, scan),
    async perform(step, before, options) {
      if (step.kind === "relaunch-application") {
        const again = options.isRepeated === true;
        const performed = await relaunch(step.target, applicationEvidence(before), { rule: await ruleOf(step), again });
        if (performed.outcome === "done") launched.set(stepKey(step), ticksNow());
        return performed;
      }
      const performed = await perform(step, before, options, readServices);
      if (step.kind === "restart-service" && performed.outcome === "done" && controlOf(step.target) === null) {
        restarted.set(stepKey(step), await readUnit(step.target));
      }
      return performed;
    },
    async happened(step, before, graceMs = 0) {
      const isSo =
        step.kind === "relaunch-application"
          ? await relaunchHappened(step.target, applicationEvidence(before), await ruleOf(step))
          : await happened(step, before, graceMs);
      return isSo ? "yes" : "no";
    },
    async settled(step, before) {
      if (step.kind !== "relaunch-application") return settled(step, before, restarted.get(stepKey(step)) ?? null);
      const seen = launched.get(stepKey(step)) ?? null;
      return relaunchSettled(step.target, applicationEvidence(before), await ruleOf(step), seen);
    },
    async lastWords(step, before) {
      if (step.kind === "relaunch-application") return launchWords(applicationEvidence(before), await ruleOf(step));
      if (step.kind !== "restart-service" || controlOf(step.target) !== null) return [];
      return lastWords(step.target, unitEvidence(before).takenAt);
    },
  };
  return withReboots(withUserTime(machine), reboots);
}

async function evidence(step: StepRef, scan: (signal: AbortSignal) => Promise<Scan>): Promise<Evidence> {
  switch (step.kind) {
    case "restart-service": {
      const control = controlOf(step.target);
      if (control === null) return unitNow(step.target);
      return serviceNow(control, await scan(AbortSignal.timeout(SCAN_TIMEOUT_MS)));
    }
    case "end-session":
      return oldSessions(step.target, await scan(AbortSignal.timeout(SCAN_TIMEOUT_MS)));
    case "relaunch-application":
      return oldInstances(step.target, await scan(AbortSignal.timeout(SCAN_TIMEOUT_MS)), Date.now());
    case "reexec":
      return managerNow(step.target);
    default:
      throw unknown(step);
  }
}

const SCAN_TIMEOUT_MS = 120_000;

async function perform(
  step: StepRef,
  before: Evidence,
  options: PerformOptions,
  readServices: ReadServices,
): Promise<Performed> {
  const { graceMs } = options;
  switch (step.kind) {
    case "restart-service": {
      const control = controlOf(step.target);
      if (control !== null) return restartControlled(control, scriptEvidence(before), options, readServices);
      return restartService(step.target, unitEvidence(before), options, readServices);
    }
    case "end-session": {
      const sessions = sessionEvidence(before);
      const end = sessions.instances.length > 0 ? stopInstances : endSessions;
      return end(visible(step.target), sessions, graceMs);
    }
    case "reexec":
      return reexec(step.target, reexecEvidence(before));
    default:
      throw unknown(step);
  }
}

async function happened(step: StepRef, before: Evidence, graceMs: number): Promise<boolean> {
  switch (step.kind) {
    case "restart-service": {
      const control = controlOf(step.target);
      if (control !== null) return controlledRestarted(control, scriptEvidence(before));
      return unitRestarted(step.target, unitEvidence(before));
    }
    case "end-session":
      return sessionsEndedWithin(sessionEvidence(before), graceMs);
    case "reexec":
      return managerReplaced(reexecEvidence(before));
    default:
      throw unknown(step);
  }
}

async function settled(step: StepRef, before: Evidence, seen: UnitState | null): Promise<string | null> {
  switch (step.kind) {
    case "restart-service": {
      const control = controlOf(step.target);
      if (control !== null) return controlledSettled(control, scriptEvidence(before));
      return unitSettled(step.target, unitEvidence(before), seen);
    }
    case "end-session":
      return sessionsEnded(sessionEvidence(before)) ? null : `old sessions of ${visible(step.target)} are still open`;
    case "reexec":
      return managerSettled(step.target, reexecEvidence(before));
    default:
      throw unknown(step);
  }
}

function unknown(step: StepRef): StepError {
  return new StepError("refused", `${visible(step.kind)} is not carried out`);
}

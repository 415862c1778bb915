import { setTimeout as sleep } from "node:timers/promises";
import { formatDuration } from "@afterpatch/core/duration";
import type { RebootMode, RebootOrder } from "@afterpatch/core/plan/reboot";
import { visible } from "@afterpatch/core/text";
import type { Performed, RebootEvidence, Reboots, RebootVeto } from "../../ports.ts";
import { LeftOpen, StepError } from "../error.ts";
import { type InitSystem, initSystem, isGoingDown, isStarting, nameOfInit } from "./init-system.ts";
import { beginReboot, unsupported } from "./method.ts";
import { hostState } from "./state.ts";
import { wall } from "./wall.ts";
import { WaitingFile } from "./waiting.ts";

/** How a machine is rebooted, and how that is found out after a crash. */
export interface RebootsHere extends Reboots {
  /** Ends with the host, and throws LeftOpen when this process is told to end; or says why the host did not go down. */
  goDown(order: RebootOrder, signal: AbortSignal): Promise<Performed>;
  /** Has the host been started anew since? Waits for a shutdown that is under way, and throws LeftOpen as goDown does. */
  happened(before: RebootEvidence, signal?: AbortSignal): Promise<boolean>;
}

/** From an order that was accepted to the first sign that the host stops its services. */
const PATIENCE_MS = 5 * 60_000;
/** The same where the command that ordered it complained: it was refused, or has begun what ended it. */
const COMPLAINT_MS = 3_000;
/** Services that do not want to end are killed long before; what takes longer will not come any more. */
const LONGEST_MS = 30 * 60_000;
const POLL_MS = 500;
/** How often PID 1 is asked. */
const ASK_MS = 5_000;

/** What is read of the host before it. Each says why it must not go down, as a sentence, or null. */
export interface LooksBefore {
  readonly scheduled: () => string | null;
  readonly bootFiles: (mode: RebootMode) => string | null;
}

/** This very host. Who calls it means it: nothing else in this program can reboot a machine. */
export function rebootsHere(looks: LooksBefore): RebootsHere {
  const file = new WaitingFile();
  return {
    veto: (order) => vetoOf(order, looks),
    tell: wall,
    announce: (waiting) => orStepError(() => file.announce(waiting)),
    cancelled: (op) => orStepError(() => file.cancelled(op)),
    claim: (op) => orStepError(() => file.claim(op)),
    forget() {
      try {
        orStepError(() => file.forget());
      } catch (error) {
        if (!(error instanceof StepError)) throw error;
      }
    },
    state: async () => hostState(someInit()),
    isStarting: async () => isStarting(someInit()),
    async goDown(order, signal) {
      const init = someInit();
      const complaint = await beginReboot(order, init);
      // The shutdown that it began may have ended the command before it could say so.
      const isUnderWay = await untilDown(init, complaint === null ? PATIENCE_MS : COMPLAINT_MS, signal);
      if (complaint !== null && !isUnderWay) return { outcome: "failed", detail: complaint };
      const why = isUnderWay
        ? `it has been going down for ${formatDuration(LONGEST_MS)}`
        : `it was ordered, and did not go down within ${formatDuration(PATIENCE_MS)}`;
      return { outcome: "failed", detail: why };
    },
    async happened(before, signal) {
      const init = someInit();
      const now = await hostState(init);
      if (now.bootId !== before.bootId || now.softReboots !== before.softReboots) return true;
      await untilDown(init, 0, signal);
      return false;
    },
  };
}

/** Where people cannot say no it does not wait, and does not come. */
function orStepError<T>(ask: () => T): T {
  try {
    return ask();
  } catch (error) {
    // Errors of system calls carry a code; everything else is a defect.
    if (!(error instanceof Error && "code" in error)) throw error;
    throw new StepError("unreadable", `whether a person cancels it cannot be told: ${error.message}`, { cause: error });
  }
}

/**
 * Ends with the host. Otherwise: false when nothing of a shutdown is to be seen for so long, true when it is under way
 * and does not come to its end.
 */
async function untilDown(init: InitSystem, patienceMs: number, signal?: AbortSignal): Promise<boolean> {
  const start = performance.now();
  for (let asked = Number.NEGATIVE_INFINITY; ; ) {
    const now = performance.now();
    if (now - asked >= ASK_MS) {
      asked = now;
      const isUnderWay = await isUnderWayNow(init, patienceMs > 0);
      if (!isUnderWay && now - start >= patienceMs) return false;
      if (now - start >= LONGEST_MS) return isUnderWay;
    }
    try {
      await sleep(POLL_MS, undefined, signal ? { signal } : {});
    } catch (error) {
      if (!signal?.aborted) throw error;
      throw new LeftOpen("the host goes down, and this command with it");
    }
  }
}

/** Who has told PID 1 to go down takes its silence for a yes: the opposite would be called a failure, and then happen. */
async function isUnderWayNow(init: InitSystem, wasOrdered: boolean): Promise<boolean> {
  try {
    return await isGoingDown(init);
  } catch (error) {
    if (!(error instanceof StepError) || !wasOrdered) throw error;
    return true;
  }
}

async function vetoOf(order: RebootOrder, looks: LooksBefore): Promise<RebootVeto | null> {
  const init = process.geteuid?.() === 0 ? initSystem() : null;
  if (init === null) return { code: "impossible", message: whyNobody() };
  try {
    const why = await unsupported(order.method, init);
    if (why !== null) return { code: "impossible", message: why };
    const schedule = looks.scheduled() ?? ((await isGoingDown(init)) ? "the host is going down already" : null);
    if (schedule !== null) return { code: "scheduled-shutdown", message: schedule };
  } catch (error) {
    if (!(error instanceof StepError)) throw error;
    return { code: "impossible", message: error.message };
  }
  // The kernel goes on running.
  const files = order.method === "soft-reboot" ? null : looks.bootFiles(order.mode);
  return files === null ? null : { code: "boot-files", message: files };
}

function whyNobody(): string {
  if (process.geteuid?.() !== 0) return "only root reboots a host";
  return `PID 1 is ${visible(nameOfInit()) || "not known"}, which takes no order to reboot: neither systemd nor sysvinit`;
}

function someInit(): InitSystem {
  const init = initSystem();
  if (init === null) throw new StepError("refused", whyNobody());
  return init;
}

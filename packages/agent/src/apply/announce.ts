import { utcText } from "../clock.ts";
import { formatDuration } from "@afterpatch/core/duration";
import { visible } from "@afterpatch/core/text";
import { LeftOpen, StepError } from "../effects/error.ts";
import { type Announced, rebootIntent } from "../journal/operations.ts";
import { type Course, isRebooted, rebootOf, resultsOf, type Stop } from "./course.ts";

// What the people on a host are told of a reboot, and the time that they are given. The waiting is ours, not logind's: the
// vetoes are asked again after it, it can be cancelled, and it goes on where it was when the agent is started anew.

/** People are told once more so long before it. */
const LAST_CALL_MS = 60_000;
const POLL_MS = 1_000;

/** Tells people and waits as long as the order gives them. Null: the time is up, and it can no longer be cancelled. */
export async function giveTime(course: Course): Promise<Stop | null> {
  try {
    return await wait(course);
  } catch (error) {
    if (!(error instanceof StepError)) throw error;
    return { code: "impossible", message: error.message };
  }
}

async function wait(course: Course): Promise<Stop | null> {
  const { machine, clock, signal } = course.deps;
  const { op } = course.begun;
  const { delayMs } = rebootOf(course);
  const announced = course.announced ?? (await announce(course));
  const leftMs = () => announced.sinceBootMs + delayMs - clock.sinceBootMs();
  post(course, announced);
  let isLastCall = leftMs() <= LAST_CALL_MS;
  for (;;) {
    const why = machine.reboots.cancelled(op);
    if (why !== null) return { code: "cancelled", message: why };
    const left = leftMs();
    if (left <= 0) break;
    if (!isLastCall && left <= LAST_CALL_MS) {
      isLastCall = true;
      await machine.reboots.tell(`${announcement(course, left)} ${HOW_TO_CANCEL}`);
    }
    try {
      await clock.sleep(Math.min(POLL_MS, left), signal);
    } catch (error) {
      if (!signal.aborted) throw error;
      // Who stops the daemon does not mean the reboot; who interrupts a command does.
      if (course.begun.order.from.kind === "permit") throw new LeftOpen("stopped while a reboot waits");
      return { code: "interrupted", message: "interrupted before the reboot" };
    }
  }
  if (machine.reboots.claim(op)) return null;
  return { code: "cancelled", message: machine.reboots.cancelled(op) ?? "somebody took the announcement away" };
}

const HOW_TO_CANCEL = "'afterpatch-agent reboot --cancel' cancels it.";

async function announce(course: Course): Promise<Announced> {
  const { machine, journal, clock } = course.deps;
  const { op } = course.begun;
  const announced = { type: "announced", op, at: clock.now(), sinceBootMs: clock.sinceBootMs() } as const;
  await journal.append(announced);
  course.announced = announced;
  post(course, announced);
  await machine.reboots.tell(`${announcement(course, rebootOf(course).delayMs)} ${HOW_TO_CANCEL}`);
  return announced;
}

function post(course: Course, { at }: Announced): void {
  const { method, delayMs, message } = rebootOf(course);
  course.deps.machine.reboots.announce({ op: course.begun.op, dueAt: at + delayMs, method, message });
}

/** The reboot is in the journal: whoever watches is told, and whoever is on the host. */
export async function announceNow(course: Course): Promise<void> {
  course.deps.report("returning", resultsOf(course));
  await course.deps.machine.reboots.tell(announcement(course, 0));
}

/** A reboot that people were told of does not come: they stop waiting for it. */
export async function callOff(course: Course, why: string): Promise<void> {
  if (course.booted || isRebooted(course) || !(course.announced || rebootIntent(course))) return;
  const { reboots } = course.deps.machine;
  reboots.forget();
  await reboots.tell(`The reboot of this host does not take place: ${why}.`);
}

function announcement(course: Course, leftMs: number): string {
  const { message, method } = rebootOf(course);
  const at = utcText(course.deps.clock.now() + leftMs);
  const when = leftMs === 0 ? "now" : `in ${inWords(leftMs)}, at ${at}`;
  return `This host ${DOES[method]} ${when}: ${message === "" ? "updated software comes into use by it" : visible(message)}.`;
}

const DOES = { reboot: "reboots", kexec: "starts its new kernel", "soft-reboot": "restarts all its services" } as const;

/** Whole minutes, or seconds where it is soon. */
function inWords(ms: number): string {
  const seconds = Math.max(1, Math.round(ms / 1000));
  return formatDuration((seconds > 120 ? Math.round(seconds / 60) * 60 : seconds) * 1000);
}

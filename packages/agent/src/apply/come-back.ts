import { formatDuration } from "@afterpatch/core/duration";
import { LONGEST_DELAY_MS, LONGEST_REBOOT_MS } from "@afterpatch/core/plan/reboot";
import { visible } from "@afterpatch/core/text";
import { LeftOpen, StepError } from "../effects/error.ts";
import { rebootEvidence } from "../effects/reboot/evidence.ts";
import { type Booted, type Intent, stepKey } from "../journal/operations.ts";
import type { HostState, RebootEvidence } from "../ports.ts";
import { type Course, conclude, rebootOf, resultsOf } from "./course.ts";
import { type BootOf, secondBoot, type Wrong, wrongWith } from "./returned.ts";

const POLL_MS = 1_000;
/** Who is PID 1 may be slow to answer while it starts everything. */
const ANSWER_MS = 60_000;
/** Services may take this long after the settle time until they listen again. */
const LISTEN_MS = 20_000;
/** A clock that was set meanwhile makes the way down look long: whatever it says, a host has this long once it is back. */
const LEAST_MS = 5 * 60_000;

/**
 * The host is back from the reboot of this intent: waits until it is whole, and finds out whether it is what it should be.
 * The agent may be ended meanwhile, by one more boot even: it goes on here then.
 */
export async function comeBack(course: Course, intent: Intent): Promise<void> {
  const { machine, report } = course.deps;
  report("returning", resultsOf(course));
  machine.reboots.forget();
  let found: Wrong | HostState;
  try {
    const before = rebootEvidence(intent.before);
    const now = await stateOf(course);
    const booted = course.booted ?? (await noteBoot(course, now));
    found = secondBoot(now, booted) ?? (await whole(course, intent, before, booted));
  } catch (error) {
    if (!(error instanceof StepError)) throw error;
    found = { code: "step-failed", why: `what came back cannot be told: ${error.message}` };
    if (!course.booted) await noteBoot(course, { bootId: machine.bootId(), softReboots: null });
  }
  await judge(course, intent, found);
}

async function noteBoot(course: Course, { bootId, softReboots }: BootOf): Promise<Booted> {
  const { journal, clock } = course.deps;
  const times = { at: clock.now(), sinceBootMs: clock.sinceBootMs() };
  const booted: Booted = { type: "booted", op: course.begun.op, bootId, softReboots, ...times };
  await journal.append(booted);
  course.booted = booted;
  return booted;
}

/** Up, settled, and as it should be; or what is not. */
async function whole(
  course: Course,
  intent: Intent,
  before: RebootEvidence,
  booted: Booted,
): Promise<Wrong | HostState> {
  const { machine, clock, report } = course.deps;
  const { method, settleMs } = rebootOf(course);
  const leastMs = leftAfterBoot(course, intent, booted);
  while (await machine.reboots.isStarting()) {
    if (sinceReturn(course, booted) >= leastMs) {
      const since = inSeconds(sinceReturn(course, booted));
      return { code: "step-failed", why: `its services are still being started ${since} after it was back` };
    }
    await pause(course, POLL_MS);
  }
  report("settling", resultsOf(course));
  await pause(course, settleMs);
  report("verifying", resultsOf(course));
  const until = clock.sinceBootMs() + LISTEN_MS;
  for (;;) {
    const now = await stateOf(course);
    const wrong = wrongWith(now, before, booted, method);
    if (wrong === null) return now;
    if (wrong.mayPass !== true || clock.sinceBootMs() >= until) return wrong;
    await pause(course, POLL_MS);
  }
}

async function stateOf(course: Course): Promise<HostState> {
  const { machine, clock } = course.deps;
  const until = clock.sinceBootMs() + ANSWER_MS;
  for (;;) {
    try {
      return await machine.reboots.state();
    } catch (error) {
      if (!(error instanceof StepError) || clock.sinceBootMs() >= until) throw error;
      await pause(course, POLL_MS);
    }
  }
}

/**
 * How long the host may take once it was seen to be back. The way down is only known by a clock that may have been set: it
 * takes away what it seems to have taken, but never what a host needs.
 */
function leftAfterBoot(course: Course, intent: Intent, booted: Booted): number {
  const { withinMs } = rebootOf(course);
  const downMs = Math.max(0, booted.at - intent.at);
  return Math.max(withinMs - downMs, Math.min(withinMs, LEAST_MS));
}

/** Not since boot: in a container that is the boot of its machine. */
function sinceReturn(course: Course, booted: Booted): number {
  return course.deps.clock.sinceBootMs() - booted.sinceBootMs;
}

async function pause({ deps: { clock, signal } }: Course, ms: number): Promise<void> {
  try {
    await clock.sleep(ms, signal);
  } catch (error) {
    if (!signal.aborted) throw error;
    throw new LeftOpen("stopped before the reboot was proved");
  }
}

/** The steps before it keep their outcomes; those that were not begun were replaced by it. */
async function judge(course: Course, { step, at }: Intent, found: Wrong | HostState): Promise<void> {
  const { clock } = course.deps;
  const sinceBootMs = clock.sinceBootMs();
  // Across a boot only the clock on the wall tells how long it took, and it may have been set.
  const tookMs = Math.min(Math.max(0, clock.now() - at), LONGEST_REBOOT_MS + LONGEST_DELAY_MS);
  const began = { at, sinceBootMs: sinceBootMs - tookMs };
  if ("code" in found) {
    await conclude(course, step, "failed", `it rebooted, but ${found.why}`, began, [], found.code);
    return;
  }
  const evidence = `back with kernel ${visible(found.release)}, boot id ${visible(found.bootId)}`;
  await conclude(course, step, "done", evidence, began);
  for (const other of course.begun.order.steps) {
    if (!course.results.has(stepKey(other))) await conclude(course, other, "skipped", "the reboot replaced it");
  }
}

function inSeconds(ms: number): string {
  return formatDuration(Math.max(1, Math.round(ms / 1000)) * 1000);
}

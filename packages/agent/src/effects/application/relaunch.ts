import { globMatcher } from "@afterpatch/core/fleet/glob";
import type { ApplicationRule } from "@afterpatch/core/policy/types";
import { visible } from "@afterpatch/core/text";
import type { Performed } from "../../ports.ts";
import type { ApplicationEvidence } from "../evidence.ts";
import { isRunning } from "../processes.ts";
import { lastWords } from "../service/last-words.ts";
import { waitUntil } from "../wait.ts";
import { halt } from "./halt.ts";
import { freshInstances, isUnderWay, missingRule, ownAncestor, ticksNow } from "./instances.ts";
import { endOfLaunch, isSystemd, type Launch, launchesOf, runLaunch } from "./launch.ts";

// An application has no manager that would know whether it runs. What is proved is that its old instances ended, and
// that for each user and each program of theirs an instance runs that was started since: at least one, for how many
// there are is the program's own affair (workers come and go by load).

/** From the start of its command until its program has been executed. */
const LAUNCH_MS = 30_000;
/** A command that has ended may have asked somebody else to launch it. */
const AFTER_COMMAND_MS = 3_000;
/** A program that detaches is another process than the one that was seen first. */
const DETACH_TICKS = 500;
const POLL_MS = 100;

export interface RelaunchOptions {
  /** The rule as the agent's file has it now; null: it is gone. */
  readonly rule: ApplicationRule | null;
  /** An agent that was killed had begun this: what it launched is not launched again. */
  readonly again: boolean;
}

/** Halts the old instances of the rule `target`, and has them launched again as it says. */
export async function relaunch(
  target: string,
  before: ApplicationEvidence,
  { rule, again }: RelaunchOptions,
): Promise<Performed> {
  if (before.users.length === 0) return { outcome: "skipped", detail: `no old instance of ${target} is left` };
  if (rule === null) throw missingRule(target);
  const old = before.users.flatMap((user) => user.old);
  const own = ownAncestor(old);
  const launches = await launchesOf(rule, before);
  const veto =
    own !== null ? `pid ${own} of it runs this very program` : typeof launches === "string" ? launches : null;
  if (veto !== null || typeof launches === "string")
    return { outcome: "vetoed", detail: `${target} was not halted: ${visible(veto ?? "")}` };
  const left = await halt(target, rule.stop, before);
  if (left !== null) return { outcome: "failed", detail: left };
  const count = old.length === 1 ? "1 old instance" : `${old.length} old instances`;
  for (const launch of launches) {
    const isBegun = again && (await isLaunchBegun(launch, before, rule));
    const why = isBegun ? null : await runLaunch(target, launch);
    if (why !== null) return { outcome: "failed", detail: `halted ${count} of ${target}; ${visible(why)}` };
  }
  const missing = await missingAfter(launches, before, rule);
  if (missing !== null) return { outcome: "failed", detail: `halted ${count} of ${target}; ${missing}` };
  return { outcome: "done", detail: `halted ${count} of ${target}, ${launched(rule, launches)}` };
}

function launched({ start }: ApplicationRule, launches: readonly Launch[]): string {
  const users = [...new Set(launches.map(({ user }) => visible(user)))].join(", ");
  return start.kind === "none" ? `started again by what supervises it (${users})` : `launched it as ${users}`;
}

/** Null when everything is there, else what is not. */
async function missingAfter(
  launches: readonly Launch[],
  before: ApplicationEvidence,
  rule: ApplicationRule,
): Promise<string | null> {
  for (const launch of launches) {
    let ended: string | null = null;
    let endedAt = 0;
    const isOver = async () => {
      if (isThere(launch, before, rule)) return true;
      if (ended === null) {
        ended = await endOfLaunch(launch);
        endedAt = performance.now();
      }
      return ended !== null && performance.now() - endedAt > AFTER_COMMAND_MS;
    };
    await waitUntil(isOver, LAUNCH_MS, POLL_MS);
    if (!isThere(launch, before, rule)) return notThere(launch, rule, ended);
  }
  return null;
}

function notThere({ user, programs }: Launch, { start }: ApplicationRule, ended: string | null): string {
  const what = `no new instance of ${programs.map(visible).join(", ")} runs as ${visible(user)}`;
  if (start.kind === "none") return `${what}: nothing that supervises it started it again`;
  return `${what}${ended === null ? "" : `; ${ended}`}`;
}

/** After a crash: whatever it began has its time to come to an end. */
export async function relaunchHappened(
  target: string,
  before: ApplicationEvidence,
  rule: ApplicationRule | null,
): Promise<boolean> {
  if (rule === null) throw missingRule(target);
  const { stop } = rule;
  const old = before.users.flatMap((user) => user.old);
  const isHalted = () => !old.some(isRunning);
  if (stop.kind === "signal") await waitUntil(isHalted, stop.graceMs, POLL_MS);
  else await waitUntil(() => isHalted() || !isUnderWay(stop.command, before.sinceTicks), stop.timeoutMs, POLL_MS);
  if (!isHalted()) return false;
  const launches = await launchesOf(rule, before);
  if (typeof launches === "string") return false;
  for (const launch of launches) {
    await waitUntil(
      async () => isThere(launch, before, rule) || !(await isLaunchBegun(launch, before, rule)),
      LAUNCH_MS,
      POLL_MS,
    );
    if (!isThere(launch, before, rule)) return false;
  }
  return true;
}

/** It is there, or on its way. A unit of that name that has come to an end counts as none. */
async function isLaunchBegun(launch: Launch, before: ApplicationEvidence, rule: ApplicationRule): Promise<boolean> {
  if (isThere(launch, before, rule)) return true;
  if (launch.start === null) return true;
  if (isSystemd()) return (await endOfLaunch(launch)) === null;
  return isUnderWay(launch.start.command, before.sinceTicks);
}

function isThere(launch: Launch, { sinceTicks }: ApplicationEvidence, rule: ApplicationRule): boolean {
  return freshInstances(launch, sinceTicks, ruleOf(rule)) !== null;
}

function ruleOf({ match: { executable } }: ApplicationRule): (program: string) => boolean {
  return executable === null ? () => false : globMatcher(executable);
}

/**
 * After the settle time: null, or what is wrong. `launchedTicks`: when it was seen to be there, where this process saw it;
 * instances that are all younger have taken the place of one that ended.
 */
export async function relaunchSettled(
  target: string,
  before: ApplicationEvidence,
  rule: ApplicationRule | null,
  launchedTicks: number | null,
): Promise<string | null> {
  if (rule === null) throw missingRule(target);
  const left = before.users.flatMap((user) => user.old).filter(isRunning);
  if (left.length > 0)
    return `pid ${left.map(({ pid }) => pid).join(", ")} of ${target}, from before the launch, still runs`;
  const launches = await launchesOf(rule, before);
  if (typeof launches === "string") return visible(launches);
  for (const launch of launches) {
    const instances = freshInstances(launch, before.sinceTicks, ruleOf(rule));
    if (instances === null) return notThere(launch, rule, await endOfLaunch(launch));
    const latest = (launchedTicks ?? ticksNow()) + DETACH_TICKS;
    if (instances.every(({ startTicks }) => startTicks > latest))
      return `what was launched as ${visible(launch.user)} ended, and something starts it again and again`;
  }
  return null;
}

/** What PID 1 logged about the launches. */
export async function launchWords(
  before: ApplicationEvidence,
  rule: ApplicationRule | null,
): Promise<readonly string[]> {
  if (rule === null || !isSystemd()) return [];
  const launches = await launchesOf(rule, before);
  if (typeof launches === "string") return [];
  const words: string[] = [];
  for (const { unit } of launches) words.push(...(await lastWords(unit, before.takenAt)));
  return words.slice(-20);
}

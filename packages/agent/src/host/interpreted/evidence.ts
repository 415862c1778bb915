import type { BigIntStats } from "node:fs";
import type { FileState } from "@afterpatch/core/detect/file-state";
import type { Task } from "../processes.ts";
import { keyOf, nowOf, type States } from "../states.ts";
import type { TreeFile } from "./tree.ts";

// The rule of `suspected`, for files that an interpreter read and closed. Modes and times that anybody can set prove
// nothing, and are not looked at: chmod moves ctime, touch moves mtime.
//   an earlier scan saw the same bytes, from before the process started        current
//   an earlier scan saw other bytes, and the process was there                 suspected
//   the file was made after the process started, by its birth time, statx(2)   suspected
//   the file system keeps no birth times, and its package was installed later  suspected
//   else                                                                       current

/** Start times and birth times are read off different clocks. */
const SLACK_MS = 1000;

export type Evidence =
  | { readonly kind: "current" }
  | { readonly kind: "suspected"; readonly why: string; readonly isWritten: boolean }
  /** Only its package can tell. */
  | { readonly kind: "package" };

export interface Times {
  /** Epoch milliseconds, by the clock of now. */
  readonly startedAt: number;
  readonly now: number;
}

/** What a scan has learnt of one file, once for all processes that have it. */
export interface Learnt {
  readonly old: FileState | null;
  readonly now: FileState | null;
  /** Epoch milliseconds of the last scan that saw it, 0 for none. */
  readonly seenAt: number;
}

export function evidenceOf(
  { stat }: TreeFile["side"],
  learnt: Learnt,
  task: Task,
  { startedAt, now }: Times,
): Evidence {
  const { old, now: state, seenAt } = learnt;
  if (state !== null && state.since + SLACK_MS < startedAt) return { kind: "current" };
  if (isWritten(old, state, seenAt, task, startedAt)) {
    return {
      kind: "suspected",
      why: "an earlier scan saw other bytes in it, and the process was there then",
      isWritten: true,
    };
  }
  const bornAt = Number(stat.birthtimeNs / 1_000_000n);
  if (bornAt <= 0 || bornAt > now + SLACK_MS) return { kind: "package" };
  if (bornAt <= startedAt + SLACK_MS) return { kind: "current" };
  return { kind: "suspected", why: `made ${instant(bornAt)}, after the process started`, isWritten: false };
}

/** The process was there when the bytes were others. */
function isWritten(
  old: FileState | null,
  now: FileState | null,
  seenAt: number,
  task: Task,
  startedAt: number,
): boolean {
  if (now?.before.some(({ pid, startTicks }) => pid === task.pid && startTicks === task.stat.startTicks)) return true;
  return old !== null && now !== null && old.content !== now.content && startedAt + SLACK_MS < seenAt;
}

/** `2026-11-23 12:00:05 UTC` */
export function instant(at: number): string {
  return `${new Date(at).toISOString().replace("T", " ").slice(0, 19)} UTC`;
}

/**
 * What is remembered of a script: its bytes and since when it has had them, under its path whatever its inode, and which
 * processes were there before.
 */
export function learn(
  path: string,
  stat: BigIntStats,
  tasks: readonly Task[],
  states: States,
  startedAt: (task: Task) => number,
): Learnt {
  const old = states.old.get(path) ?? null;
  states.seen.set(path, stat);
  const now = old?.key === keyOf(stat) ? old : nextOf(path, stat, old, tasks, states, startedAt);
  if (now === null) return { old, now, seenAt: states.seenAt };
  const living = now.before.filter(({ pid, startTicks }) =>
    tasks.some((task) => task.pid === pid && task.stat.startTicks === startTicks),
  );
  const kept = living.length === now.before.length ? now : { ...now, before: living };
  states.judged.set(path, kept);
  return { old, now: kept, seenAt: states.seenAt };
}

function nextOf(
  path: string,
  stat: BigIntStats,
  old: FileState | null,
  tasks: readonly Task[],
  states: States,
  startedAt: (task: Task) => number,
): FileState | null {
  const read = nowOf(path, stat, states, old);
  if (read === null) return null;
  const { inode, key, content, changedAt } = read;
  if (old !== null && old.content === content)
    return { path, inode, key, content, since: old.since, before: old.before };
  const there = old === null ? [] : tasks.filter((task) => startedAt(task) + SLACK_MS < states.seenAt);
  const before = there.map(({ pid, stat: { startTicks } }) => ({ pid, startTicks, address: 0, isSure: true }));
  return { path, inode, key, content, since: changedAt, before };
}

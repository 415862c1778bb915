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

/** Epoch milliseconds. */
export interface Times {
  /** When the process started: by whatever clock this boot has had, as far as scans saw it. */
  readonly earliest: number;
  readonly latest: number;
  readonly now: number;
}

/** What a scan has learnt of one file, once for all processes that have it. */
export interface Learnt {
  readonly old: FileState | null;
  readonly now: FileState | null;
  /** The process was there when the last scan was made. */
  readonly wasThere: (task: Task) => boolean;
}

export function evidenceOf(
  { stat }: TreeFile["side"],
  learnt: Learnt,
  task: Task,
  { earliest, latest, now }: Times,
): Evidence {
  const { now: state } = learnt;
  if (state !== null && state.since + SLACK_MS < earliest) return { kind: "current" };
  if (isWritten(learnt, task)) {
    return {
      kind: "suspected",
      why: "an earlier scan saw other bytes in it, and the process was there then",
      isWritten: true,
    };
  }
  const bornAt = Number(stat.birthtimeNs / 1_000_000n);
  if (bornAt <= 0 || bornAt > now + SLACK_MS) return { kind: "package" };
  if (bornAt <= earliest + SLACK_MS) return { kind: "current" };
  if (bornAt <= latest + SLACK_MS) return { kind: "package" }; // the clock was set in between
  return { kind: "suspected", why: `made ${instant(bornAt)}, after the process started`, isWritten: false };
}

/** The process was there when the bytes were others. */
function isWritten({ old, now, wasThere }: Learnt, task: Task): boolean {
  if (now?.before.some(({ pid, startTicks }) => pid === task.pid && startTicks === task.stat.startTicks)) return true;
  return old !== null && now !== null && old.content !== now.content && wasThere(task);
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
  const { seenAt, seenUptime } = states;
  // Since the start of the machine no clock can be set.
  const wasThere = (task: Task) =>
    seenUptime === null
      ? startedAt(task) + SLACK_MS < seenAt
      : task.stat.startTicks * MS_PER_TICK + SLACK_MS < seenUptime;
  const old = states.old.get(path) ?? null;
  states.seen.set(path, stat);
  const now = old?.key === keyOf(stat) ? old : nextOf(path, stat, old, tasks.filter(wasThere), states);
  if (now === null) return { old, now, wasThere };
  const living = now.before.filter(({ pid, startTicks }) =>
    tasks.some((task) => task.pid === pid && task.stat.startTicks === startTicks),
  );
  const kept = living.length === now.before.length ? now : { ...now, before: living };
  states.judged.set(path, kept);
  return { old, now: kept, wasThere };
}

const MS_PER_TICK = 10;

/** `there`: who was there when it was seen last. */
function nextOf(
  path: string,
  stat: BigIntStats,
  old: FileState | null,
  there: readonly Task[],
  states: States,
): FileState | null {
  const read = nowOf(path, stat, states, old);
  if (read === null) return null;
  const { inode, key, content, changedAt } = read;
  if (old !== null && old.content === content)
    return { path, inode, key, content, since: old.since, before: old.before };
  const before = (old === null ? [] : there).map(({ pid, stat: { startTicks } }) => ({
    pid,
    startTicks,
    address: 0,
    isSure: true,
  }));
  return { path, inode, key, content, since: changedAt, before };
}

import { formatDuration } from "@afterpatch/core/duration";
import { EXIT, type ExitCode, isFinal, rolloutExitCode } from "@afterpatch/core/exit";
import type { Control } from "./connection.ts";
import type { RolloutDocument } from "./documents/rollout.ts";
import { type Followed, followRollout } from "./follow.ts";
import { emit, isForPrograms } from "./output.ts";
import { changes, outlookChanges } from "./render/progress.ts";
import { nextSteps, renderRollout } from "./render/rollout.ts";
import type { Shell, Target } from "./shell.ts";

export interface Attachment extends Target {
  readonly failOnResidue: boolean;
  /** Leave when it waits for a person or a window. */
  readonly noWait: boolean;
  /** Leave after so long; null: never. */
  readonly waitMs: number | null;
  /** Whether the controller has just answered. */
  readonly isKnown: boolean;
}

/** Shows a rollout until it has ended; Ctrl-C leaves it running. */
export async function attach(control: Control, id: string, shell: Shell, options: Attachment): Promise<ExitCode> {
  const detached = new AbortController();
  const undo = shell.onInterrupt(() => detached.abort());
  const patience = options.waitMs === null ? null : AbortSignal.timeout(options.waitMs);
  const signal = patience === null ? detached.signal : AbortSignal.any([detached.signal, patience]);
  const progress = await openProgress(shell, options);
  let last: RolloutDocument | null = null;
  let before: Followed | null = null;
  try {
    const following = { signal, now: () => shell.now(), say: progress.say, isKnown: options.isKnown };
    for await (const now of followRollout(control, id, following)) {
      progress.show(before, now);
      [before, last] = [now, now.rollout];
      const { rollout } = now;
      if (options.noWait && isWaiting(rollout)) break;
    }
  } finally {
    undo();
    progress.close();
  }
  if (detached.signal.aborted) {
    shell.err(
      `afterpatch: detached: rollout ${id} goes on; come back with 'afterpatch rollout watch ${id}', stop it with 'afterpatch rollout abort ${id}'\n`,
    );
  }
  const isLate = patience?.aborted === true && !detached.signal.aborted && (last === null || !isFinal(last.state));
  if (isLate) shell.err(lateLine(id, last, options.waitMs ?? 0));
  if (last === null) return isLate ? EXIT.paused : EXIT.detached;
  if (options.noWait && isWaiting(last)) {
    shell.err(`afterpatch: rollout ${id} is ${last.state}; come back with 'afterpatch rollout watch ${id}'\n`);
  }
  await summarise(last, shell, options);
  const next = nextSteps(last);
  if (next !== "" && !isForPrograms(options)) shell.err(`afterpatch: ${next}\n`);
  if (isLate) return EXIT.paused;
  return detached.signal.aborted ? EXIT.detached : rolloutExitCode({ ...last, failOnResidue: options.failOnResidue });
}

/** What `--wait-timeout` leaves behind. */
function lateLine(id: string, last: RolloutDocument | null, waitMs: number): string {
  const why = last === null || last.why === "" ? "" : ` (${last.why})`;
  const state = last === null ? "its state is not known" : `it is ${last.state}${why}`;
  const back = `come back with 'afterpatch rollout watch ${id}'`;
  return `afterpatch: rollout ${id} has not ended after ${formatDuration(waitMs)}: ${state}, and goes on; ${back}\n`;
}

/** For a person or a window: exit 7. */
function isWaiting(rollout: RolloutDocument): boolean {
  return rolloutExitCode({ ...rollout, failOnResidue: false }) === EXIT.paused;
}

/** The lines of progress were the table already; a file and a program get the result. */
async function summarise(rollout: RolloutDocument, shell: Shell, target: Target): Promise<void> {
  if (!isForPrograms(target) && target.out === undefined && shell.terminal === null) return;
  await emit({ document: rollout, table: (paint, isWide) => renderRollout(rollout, paint, isWide) }, target, shell);
}

interface Progress {
  show(before: Followed | null, after: Followed): void;
  say(text: string): void;
  close(): void;
}

async function openProgress(shell: Shell, target: Target): Promise<Progress> {
  const write = isForPrograms(target) ? shell.err : shell.out;
  if (shell.terminal !== null && !isForPrograms(target)) {
    const { openScreen } = await import("./screen.ts");
    const screen = openScreen(shell, shell.terminal);
    return { show: (_before, after) => screen.show(after), say: screen.say, close: screen.close };
  }
  return {
    show: (before, after) =>
      write(
        [...changes(before?.rollout ?? null, after.rollout, shell.now()), ...outlookChanges(before, after, shell.now())]
          .map((line) => `${line}\n`)
          .join(""),
      ),
    say: (text) => shell.err(`afterpatch: ${text}\n`),
    close: () => undefined,
  };
}

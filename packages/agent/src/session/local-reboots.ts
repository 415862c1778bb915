import { readFileSync } from "node:fs";
import { resume } from "../apply/carry-out.ts";
import type { CarryOutDeps } from "../apply/course.ts";
import { LeftOpen, StepError } from "../effects/error.ts";
import { rebootEvidence } from "../effects/reboot/evidence.ts";
import { JournalError } from "../journal/error.ts";
import { openJournal } from "../journal/file.ts";
import { decodeLines } from "../journal/lines.ts";
import { isAway, type Operation, operations, rebootIntent } from "../journal/operations.ts";
import type { Log } from "./session.ts";

const LOCK_RETRY_MS = 1_000;

export interface LocalRebootsDeps extends Omit<CarryOutDeps, "journal" | "report"> {
  /** Takes the lock of this host's acting process; null while another holds it. */
  readonly lock: () => (() => void) | null;
  readonly log: Log;
}

/**
 * Goes on with reboots that a person ordered on this host, once it is back: whoever typed the command went down with it.
 * `file` is the journal of such orders. What came of them is told by the next `apply`.
 */
export async function proveLocalReboots(file: string, deps: LocalRebootsDeps): Promise<void> {
  const { log, clock, signal } = deps;
  try {
    if ((await open(file, deps)).length === 0) return;
    const release = await lockWhenFree(deps);
    try {
      // Nothing is begun any more by an order that took its host down.
      const journal = await openJournal(file, { now: clock.now, starts: null });
      try {
        // Another process may have been faster.
        for (const op of await open(file, deps)) {
          const { ending } = await resume(op, { ...deps, journal, report: () => {} });
          const { result, code, message } = ending;
          log.info({ op, result, code, why: message }, "reboot that was ordered on this host judged");
        }
      } finally {
        await journal.close();
      }
    } finally {
      release();
    }
  } catch (error) {
    if (error instanceof LeftOpen || signal.aborted) return;
    if (!(error instanceof JournalError || error instanceof StepError)) throw error;
    log.error({ err: error.message }, "a reboot that was ordered on this host could not be judged");
  }
}

/** Ids of orders whose host went down for them and is back. */
async function open(file: string, deps: LocalRebootsDeps): Promise<readonly string[]> {
  const away = [...operations(recordsOf(file))].filter(([, operation]) => !operation.ending && isAway(operation));
  const back: string[] = [];
  for (const [op, operation] of away) if (await isBack(operation, deps)) back.push(op);
  return back;
}

/** In the boot of the order itself it may still be on its way down, and whoever gave it may still wait for that. */
async function isBack(operation: Operation, { machine }: LocalRebootsDeps): Promise<boolean> {
  const intent = rebootIntent(operation);
  if (!intent) return false;
  const before = rebootEvidence(intent.before);
  const now = await machine.reboots.state();
  return now.bootId !== before.bootId || now.softReboots !== before.softReboots;
}

function recordsOf(file: string) {
  try {
    return decodeLines(readFileSync(file), file).records;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  }
}

async function lockWhenFree({ lock, clock, signal }: LocalRebootsDeps): Promise<() => void> {
  for (;;) {
    const release = lock();
    if (release) return release;
    await clock.sleep(LOCK_RETRY_MS, signal);
  }
}

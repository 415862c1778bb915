import { setTimeout as wait } from "node:timers/promises";
import { formatDuration } from "@afterpatch/core/duration";
import { EXIT, isFinal } from "@afterpatch/core/exit";
import type { Control } from "./connection.ts";
import { type OutlookDocument, outlookDocument } from "./documents/outlook.ts";
import { type RolloutDocument, rolloutDocument } from "./documents/rollout.ts";
import { CommandError } from "@afterpatch/core/command-error";

const GIVE_UP_MS = 300_000;
const FIRST_WAIT_MS = 200;
const LONGEST_WAIT_MS = 5_000;

/** A rollout, and how it goes on. */
export interface Followed {
  readonly rollout: RolloutDocument;
  readonly outlook: OutlookDocument | null;
}

export interface Following {
  readonly signal: AbortSignal;
  now(): number;
  /** Tells people that the connection was lost or is back, once each. */
  say(text: string): void;
  /** Whether the controller has just been heard, so that silence is an outage and no wrong address. */
  readonly isKnown: boolean;
}

/**
 * A rollout now and after each change, until it has ended. Goes on by itself for five minutes while the controller is
 * away; a snapshot that is older than the last one is left out.
 */
export async function* followRollout(control: Control, id: string, options: Following): AsyncGenerator<Followed, void> {
  let isKnown = options.isKnown;
  let version = -1;
  let lostAt: number | undefined;
  let waitMs = FIRST_WAIT_MS;
  while (!options.signal.aborted) {
    let why = "it ended the stream";
    try {
      for await (const message of control.watchRollout(id, options.signal)) {
        if (lostAt !== undefined) options.say(`the controller is back after ${elapsed(options.now() - lostAt)}`);
        [isKnown, lostAt, waitMs] = [true, undefined, FIRST_WAIT_MS];
        if (message.version < version) continue;
        version = message.version;
        const rollout = rolloutDocument(message);
        yield { rollout, outlook: outlookDocument(message) };
        if (isFinal(rollout.state)) return;
      }
    } catch (error) {
      if (!isKnown || !control.isPassing(error)) throw error;
      why = error instanceof CommandError ? error.why : String(error);
    }
    if (options.signal.aborted) return;
    if (lostAt === undefined) {
      lostAt = options.now();
      options.say(
        `lost the controller: ${why}; trying again for ${formatDuration(GIVE_UP_MS)}; hosts in hand finish, no other begins until it is back`,
      );
    }
    if (options.now() - lostAt >= GIVE_UP_MS) throw gaveUp(control.address, id);
    // Up to twice as long, so that many operators do not come back at once.
    await wait(waitMs * (1 + Math.random()), undefined, { signal: options.signal }).catch(() => undefined); // aborted: the loop ends
    waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS);
  }
}

function elapsed(ms: number): string {
  return formatDuration(Math.max(1, Math.round(ms / 1000)) * 1000);
}

function gaveUp(address: string, id: string): CommandError {
  return new CommandError(
    EXIT.unreachable,
    `controller ${address}`,
    `was away for ${formatDuration(GIVE_UP_MS)}; rollout ${id} goes on as far as it can`,
    `come back with 'afterpatch rollout watch ${id}'`,
  );
}

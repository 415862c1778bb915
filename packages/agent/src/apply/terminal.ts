import { createInterface } from "node:readline/promises";
import { CommandError } from "@afterpatch/core/command-error";
import { EXIT } from "@afterpatch/core/exit";

/** Asks a person; anything but yes ends the command. */
export async function confirm(what: string, question: string, signal: AbortSignal): Promise<void> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  let answer = "";
  try {
    answer = await terminal.question(`${question} [y/N] `, { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    terminal.close();
  }
  if (/^y(es)?$/i.test(answer.trim())) return;
  throw new CommandError(EXIT.detached, what, "the answer was not yes", "nothing was done");
}

/**
 * The first signal stops before the next step; a second one ends the process at once, and the journal knows where.
 * `onHangUp`: what to do when the terminal goes away; null: the process goes with it.
 */
export function interruption(onHangUp: (() => void) | null = null): { readonly signal: AbortSignal; stop(): void } {
  const controller = new AbortController();
  const stop = (name: NodeJS.Signals) => {
    if (controller.signal.aborted) process.exit(EXIT.detached);
    controller.abort(new Error(`${name} received`));
  };
  process.on("SIGINT", stop).on("SIGTERM", stop);
  if (onHangUp) process.on("SIGHUP", onHangUp);
  return {
    signal: controller.signal,
    stop: () => {
      process.off("SIGINT", stop).off("SIGTERM", stop);
      if (onHangUp) process.off("SIGHUP", onHangUp);
    },
  };
}

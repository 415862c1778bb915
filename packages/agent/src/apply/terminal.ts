import { createInterface } from "node:readline/promises";
import { CommandError } from "@afterpatch/core/command-error";
import { EXIT } from "@afterpatch/core/exit";

/** Asks a person; anything but yes ends the command, and so does the end of the terminal. */
export async function confirm(what: string, question: string, signal: AbortSignal): Promise<void> {
  // The terminal itself edits the line: what puts it into raw mode fails when it goes away.
  const lines = createInterface({ input: process.stdin, output: process.stderr, terminal: false });
  const closed = new Promise<null>((resolve) => lines.once("close", () => resolve(null)));
  let answer: string | null = "";
  try {
    answer = await Promise.race([lines.question(`${question} [y/N] `, { signal }), closed]);
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    lines.close();
  }
  if (answer === null)
    process.stderr.write("\n"); // below the question
  else if (/^y(es)?$/i.test(answer.trim())) return;
  throw new CommandError(EXIT.detached, what, "the answer was not yes", "nothing was done");
}

/**
 * The first SIGINT or SIGTERM stops before the next step; a second one ends the process at once, and the journal knows
 * where. Who ordered it may log out or stop reading: it goes on, and `onUnheard` is told, more than once. Called once,
 * for what does not end before the process does.
 */
export function interruption(onUnheard: () => void): { readonly signal: AbortSignal; stop(): void } {
  const controller = new AbortController();
  const stop = (name: NodeJS.Signals) => {
    if (controller.signal.aborted) process.exit(EXIT.detached);
    controller.abort(new Error(`${name} received`));
  };
  process.on("SIGINT", stop).on("SIGTERM", stop).on("SIGHUP", onUnheard);
  // Instead of what ends every other command: this one may be in the middle of a step.
  for (const stream of [process.stdout, process.stderr]) stream.removeAllListeners("error").on("error", onUnheard);
  return {
    signal: controller.signal,
    stop: () => process.off("SIGINT", stop).off("SIGTERM", stop).off("SIGHUP", onUnheard),
  };
}
